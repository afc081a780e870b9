using Microsoft.ML;
using Microsoft.ML.Data;

namespace DpSgd.ML.Tasks;

/// <summary>What is learned: classes, one of two classes, or numbers.</summary>
internal abstract class LearningTask
{
    /// <summary>The type that the label must have, as ML.NET's messages write it.</summary>
    public abstract string LabelType { get; }

    /// <summary>Whether there are classes, of which the rows must show two at least.</summary>
    public virtual bool HasClasses => true;

    /// <summary>What a label is that the reader gives as NaN, and what to do about it: the end of a sentence.</summary>
    public virtual string MissingLabel => "that is missing, NaN or infinite. Remove such rows before training";

    /// <summary>Whether a label may be of a type.</summary>
    public abstract bool Accepts(DataViewType labelType);

    /// <summary>
    /// What ML.NET's own trainer for the task says of itself. Its shape of the output columns is the standard one, and its
    /// checks of the input columns are what ML.NET's users know.
    /// </summary>
    public abstract StandardTrainer Standard(MLContext mlContext, DpSgdTrainerOptions options);

    /// <summary>Reads the label of the row that a cursor is at, as a number to train with; NaN when it is missing.</summary>
    public abstract Func<float> LabelReader(DataViewRow row, DataViewSchema.Column label);

    /// <summary>What turns the network's outputs into predictions.</summary>
    public abstract PredictionHead Head(DataViewSchema.Column label);
}

/// <summary>A trainer of ML.NET's, as far as it is asked about itself.</summary>
/// <param name="GetOutputSchema">Its output columns for given input columns; throws what ML.NET throws.</param>
internal sealed record StandardTrainer(Func<SchemaShape, SchemaShape> GetOutputSchema);
