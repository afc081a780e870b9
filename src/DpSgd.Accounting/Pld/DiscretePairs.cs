namespace DpSgd.Accounting;

/// <summary>Dominating pairs of mechanisms with finitely many losses.</summary>
internal static class DiscretePairs
{
    // More outputs than this are told apart by nobody, and need too much memory.
    private const long MostOutputs = 1 << 22;

    /// <summary>
    /// The worst mechanism that is (epsilon, delta)-differentially private (Kairouz, Oh, Viswanath, "The Composition Theorem
    /// for Differential Privacy", arXiv:1311.0776).
    /// </summary>
    public static LedgerPair EpsilonDelta(double epsilon, double delta)
    {
        if (double.IsPositiveInfinity(epsilon) || delta == 1)
            return LedgerPair.Everything;
        if (epsilon == 0 && delta == 0)
            return LedgerPair.Nothing;

        // Of what remains, e^epsilon parts to one.
        var larger = (1 - delta) / (1 + Math.Exp(-epsilon));
        var smaller = (1 - delta) / (1 + Math.Exp(epsilon));
        return smaller > 0
            ? LedgerPair.Of(new DiscretePair([(larger, smaller), (smaller, larger)], delta, delta))
            : LedgerPair.Everything;
    }

    /// <summary>Randomised response.</summary>
    public static LedgerPair RandomizedResponse(double noise, long buckets, bool replaceOne)
    {
        if (buckets == 1 || noise == 1)
            return LedgerPair.Nothing;
        if (noise == 0)
            return LedgerPair.Everything;
        var (uniform, other) = (1.0 / buckets, noise / buckets);
        var truth = 1 - noise + other;
        return LedgerPair.Of(new DiscretePair(replaceOne
            ? [(truth, other), (other, truth), ((buckets - 2) * other, (buckets - 2) * other)]
            : [(truth, uniform), ((buckets - 1) * other, (buckets - 1) * uniform)]));
    }

    /// <summary>
    /// The discrete Laplace mechanism: noise around zero and around the sensitivity. Left of both, and right of both, the
    /// loss does not change.
    /// </summary>
    public static LedgerPair Laplace(double parameter, long sensitivity)
    {
        if (parameter == 0)
            return LedgerPair.Nothing;
        if (double.IsPositiveInfinity(parameter))
            return LedgerPair.Everything;
        if (sensitivity > MostOutputs)
            throw new NotSupportedException($"There is no bound for a {nameof(DiscreteLaplaceDpEvent)} of sensitivity {sensitivity}, above {MostOutputs}. Nothing was entered.");

        // P is centred at the sensitivity, Q at zero. The tail from the centre on has the mass 1 / (1 + e^-a).
        var atCentre = Math.Tanh(0.5 * parameter);
        var half = 1 / (1 + Math.Exp(-parameter));
        var outputs = new List<(double P, double Q)>
        {
            (half * Math.Exp(-parameter * sensitivity), half),
            (half, half * Math.Exp(-parameter * sensitivity)),
        };
        for (var x = 1L; x < sensitivity; x++)
            outputs.Add((atCentre * Math.Exp(-parameter * (sensitivity - x)), atCentre * Math.Exp(-parameter * x)));
        return outputs[0].P > 0 ? LedgerPair.Of(new DiscretePair(outputs)) : LedgerPair.Everything;
    }
}
