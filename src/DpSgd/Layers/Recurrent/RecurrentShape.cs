using DpSgd.Accounting;

namespace DpSgd.Layers.Recurrent;

/// <summary>The options of a recurrent layer, named as TorchSharp names them.</summary>
internal sealed record RecurrentShape(
    long InputSize, long HiddenSize, long NumLayers, bool Bias, bool BatchFirst, double Dropout, bool Bidirectional)
{
    public int Directions => Bidirectional ? 2 : 1;

    /// <exception cref="ArgumentOutOfRangeException">A size is not positive, or the dropout is outside [0, 1].</exception>
    public RecurrentShape Checked()
    {
        Guard.AtLeast(1, InputSize, "inputSize");
        Guard.AtLeast(1, HiddenSize, "hiddenSize");
        Guard.AtLeast(1, NumLayers, "numLayers");
        Guard.Probability(Dropout, "dropout");
        return this;
    }
}
