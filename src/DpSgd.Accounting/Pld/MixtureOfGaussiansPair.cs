namespace DpSgd.Accounting;

/// <summary>
/// The Gaussian mechanism when the contribution that is removed is itself random: P = sum of p_i N(c_i, sigma^2) and Q =
/// N(0, sigma^2) (Choquette-Choo, Ganesh, Steinke, Thakurta, "Privacy Amplification for Matrix Mechanisms",
/// arXiv:2310.15526).
/// </summary>
internal sealed class MixtureOfGaussiansPair : GaussianPair
{
    private readonly double[] _sensitivities;
    private readonly double[] _logProbabilities;
    private double _last;

    /// <summary>The pair.</summary>
    /// <param name="noiseMultiplier">Sigma, positive and finite.</param>
    /// <param name="sensitivities">The c_i, increasing from zero.</param>
    /// <param name="probabilities">The p_i; that of zero may be zero.</param>
    public MixtureOfGaussiansPair(double noiseMultiplier, double[] sensitivities, double[] probabilities)
        : base(noiseMultiplier, sensitivities, probabilities, [1, .. new double[sensitivities.Length - 1]])
    {
        _sensitivities = sensitivities;
        _logProbabilities = Array.ConvertAll(probabilities, Math.Log);
        SmallestLoss = _logProbabilities[0];
    }

    /// <inheritdoc/>
    public override double LargestLoss => double.PositiveInfinity;

    /// <inheritdoc/>
    public override double SmallestLoss { get; }

    /// <inheritdoc/>
    protected override double Position(double loss)
    {
        if (loss <= SmallestLoss)
            return double.NegativeInfinity;

        // The loss is convex and increasing, so Newton's iteration comes down from the right after its first step; the
        // previous answer is the best start, because cells are walked through in order.
        var position = double.IsFinite(_last) ? _last : 0;
        for (var i = 0; i < 100; i++)
        {
            var (value, slope) = LossAndSlope(position);
            var step = Math.Clamp((value - loss) / slope, -1e3, 1e3);
            position -= step;
            if (Math.Abs(step) <= 1e-15 * (1 + Math.Abs(position)))
                break;
        }

        return _last = position;
    }

    private (double Loss, double Slope) LossAndSlope(double position)
    {
        var (sum, slope) = (new LogSum(), 0.0);
        for (var pass = 0; pass < 2; pass++)
        {
            for (var i = 0; i < _sensitivities.Length; i++)
            {
                var centre = _sensitivities[i] / NoiseMultiplier;
                var term = _logProbabilities[i] + centre * (position - 0.5 * centre);
                if (pass == 0)
                    sum.Add(term);
                else
                    slope += centre * Math.Exp(term - sum.Value);
            }
        }

        return (sum.Value, slope);
    }
}
