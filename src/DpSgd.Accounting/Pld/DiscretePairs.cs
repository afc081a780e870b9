using System.Globalization;

namespace DpSgd.Accounting;

/// <summary>Dominating pairs of mechanisms with finitely many losses.</summary>
internal static class DiscretePairs
{
    // Every output is a loss of its own, and costs time at every order and every grid.
    private const long MostOutputs = 1 << 15;

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
            ? LedgerPair.Of(new DiscretePair([(epsilon, larger, smaller), (-epsilon, smaller, larger)], delta, delta))
            : LedgerPair.Everything;
    }

    /// <summary>Randomised response.</summary>
    public static LedgerPair RandomizedResponse(double noise, long buckets, bool replaceOne)
    {
        if (buckets == 1 || noise == 1)
            return LedgerPair.Nothing;
        var (uniform, other) = (1.0 / buckets, noise / buckets);
        var truth = 1 - noise + other;

        // A lie that is too rare to be written down counts as one that is never told.
        if (double.IsPositiveInfinity(truth / other))
            return LedgerPair.Everything;
        if (!replaceOne)
        {
            return LedgerPair.Of(new DiscretePair([
                (Elementary.Log1p((1 - noise) * (buckets - 1.0)), truth, uniform),
                (Math.Log(noise), (buckets - 1) * other, (buckets - 1) * uniform)]));
        }

        var loss = Elementary.Log1p((1 - noise) / other);
        return LedgerPair.Of(new DiscretePair([
            (loss, truth, other), (-loss, other, truth), (0, (buckets - 2) * other, (buckets - 2) * other)]));
    }

    /// <summary>
    /// The discrete Laplace mechanism: noise around zero and around the sensitivity. Left of both, and right of both, the
    /// loss does not change.
    /// </summary>
    public static LedgerPair Laplace(double parameter, long sensitivity, bool replaceOne)
    {
        if (parameter == 0)
            return LedgerPair.Nothing;
        if (double.IsPositiveInfinity(parameter))
            return LedgerPair.Everything;
        var most = MostOutputs / (replaceOne ? 2 : 1);
        if (sensitivity > most)
        {
            var epsilon = parameter * sensitivity * (replaceOne ? 2 : 1);
            throw new NotSupportedException(string.Create(
                CultureInfo.InvariantCulture,
                $"There is no bound for a {nameof(DiscreteLaplaceDpEvent)} of sensitivity {sensitivity}, above {most}; an {nameof(EpsilonDeltaDpEvent)} of epsilon {epsilon} and delta 0 bounds it. Nothing was entered."));
        }

        sensitivity *= replaceOne ? 2 : 1;

        // P is centred at the sensitivity, Q at zero. The tail from the centre on has the mass 1 / (1 + e^-a).
        var atCentre = Math.Tanh(0.5 * parameter);
        var half = 1 / (1 + Math.Exp(-parameter));
        var outputs = new List<(double Loss, double P, double Q)>
        {
            (-parameter * sensitivity, half * Math.Exp(-parameter * sensitivity), half),
            (parameter * sensitivity, half, half * Math.Exp(-parameter * sensitivity)),
        };
        for (var x = 1L; x < sensitivity; x++)
            outputs.Add((parameter * (2 * x - sensitivity), atCentre * Math.Exp(-parameter * (sensitivity - x)), atCentre * Math.Exp(-parameter * x)));
        return outputs[0].P > 0 ? LedgerPair.Of(new DiscretePair(outputs)) : LedgerPair.Everything;
    }
}
