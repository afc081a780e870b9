using DpSgd.Accounting;
using DpSgd.ML.Scoring;
using DpSgd.ML.Tasks;

namespace DpSgd.ML;

/// <summary>What was learned, and what that cost the people in the data.</summary>
public sealed class DpSgdModelParameters
{
    internal DpSgdModelParameters(DenseNetwork network, PredictionHead head, DpSgdGuarantee guarantee)
    {
        Network = network;
        Head = head;
        Guarantee = guarantee;
    }

    /// <summary>The guarantee: epsilon as the ledger of the steps that were really taken has it, and what it rests on.</summary>
    public DpSgdGuarantee Guarantee { get; }

    /// <summary>The guarantee in words, for people to read.</summary>
    public string Statement => DpSgdPrivacy.Statement(Guarantee.Run);

    /// <summary>The layers, from the features to the output.</summary>
    public IReadOnlyList<DenseLayer> Layers => Network.Layers;

    /// <summary>Number of features.</summary>
    internal int FeatureCount => Network.Layers[0].InputSize;

    internal DenseNetwork Network { get; }

    internal PredictionHead Head { get; }
}
