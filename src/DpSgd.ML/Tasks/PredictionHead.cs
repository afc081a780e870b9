using DpSgd.ML.Persistence;
using DpSgd.ML.Scoring;
using Microsoft.ML;
using static TorchSharp.torch;

namespace DpSgd.ML.Tasks;

/// <summary>What turns the network's outputs into predictions, and compares them with labels.</summary>
internal abstract class PredictionHead
{
    /// <summary>Number of outputs that the network must have.</summary>
    public abstract int Outputs { get; }

    /// <summary>The mean loss of a batch.</summary>
    /// <param name="outputs">[B, <see cref="Outputs"/>].</param>
    /// <param name="labels">[B], as the task reads them.</param>
    public abstract Tensor Loss(Tensor outputs, Tensor labels);

    /// <summary>The columns that a prediction adds to data of a schema.</summary>
    public abstract IReadOnlyList<OutputColumn> Columns(DataViewSchema schema);

    /// <summary>What must be kept to make this head again.</summary>
    public abstract SavedHead Save();
}
