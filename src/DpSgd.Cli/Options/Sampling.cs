using DpSgd.Accounting;

namespace DpSgd.Cli.Options;

/// <summary>Who is in a batch.</summary>
internal enum Sampling
{
    Poisson,
    OncePerEpoch,
    Undeclared,
}

internal static class Samplings
{
    public static readonly (string Word, Sampling Value)[] Words =
        [("poisson", Sampling.Poisson), ("once-per-epoch", Sampling.OncePerEpoch), ("undeclared", Sampling.Undeclared)];

    public static string Word(this Sampling sampling) => Words[(int)sampling].Word;

    /// <summary>For tables and legends.</summary>
    public static string InWords(this Sampling sampling) => sampling switch
    {
        Sampling.Poisson => "Poisson samples",
        Sampling.OncePerEpoch => "each example once an epoch",
        _ => "nothing known: each example in every batch",
    };

    /// <summary>What one example pays for a run: an event, and how often it happens.</summary>
    public static (DpEvent Event, long Count) Cost(this Sampling sampling, DpSgdRun run)
    {
        var noise = new GaussianDpEvent(run.NoiseMultiplier / (run.MicrobatchSize > 1 ? 2 : 1));
        return sampling switch
        {
            Sampling.Poisson => (new PoissonSampledDpEvent(run.SamplingProbability, noise), run.Steps),
            Sampling.OncePerEpoch => (noise, (long)Math.Min(9e18, Math.Ceiling(run.Epochs))),
            Sampling.Undeclared => (noise, run.Steps),
            _ => throw new ArgumentOutOfRangeException(nameof(sampling), sampling, "none of the known ones"),
        };
    }

    /// <summary>Epsilon of a run.</summary>
    public static double Epsilon(this Sampling sampling, DpSgdRun run, AccountantKind kind)
    {
        var (dpEvent, count) = sampling.Cost(run);
        var accountant = kind.Create();
        accountant.Compose(dpEvent, count);
        return accountant.GetEpsilon(run.Delta);
    }
}
