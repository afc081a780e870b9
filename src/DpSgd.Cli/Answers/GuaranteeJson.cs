using DpSgd.Accounting;
using DpSgd.Cli.Options;

namespace DpSgd.Cli.Answers;

/// <summary>The guarantee of a run, for programs.</summary>
internal sealed record GuaranteeJson(
    double Epsilon, double Delta, double? OptimalOrder, string Accountant, string Sampling, string NeighboringRelation, RunJson Run)
{
    public static GuaranteeJson Of(DpSgdGuarantee guarantee) => new(
        guarantee.Epsilon,
        guarantee.Run.Delta,
        guarantee.OptimalOrder,
        (guarantee.Run.UsesPldAccountant ? AccountantKind.Pld : AccountantKind.Rdp).Word(),
        (guarantee.Run.UsesPoissonSampling ? Options.Sampling.Poisson : Options.Sampling.OncePerEpoch).Word(),
        guarantee.NeighboringRelation.ToString(),
        RunJson.Of(guarantee.Run));
}
