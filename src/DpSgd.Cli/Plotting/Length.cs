using DpSgd.Accounting;
using DpSgd.Cli.Options;

namespace DpSgd.Cli.Plotting;

/// <summary>How long runs are: one of the two.</summary>
internal readonly record struct Length(double? Epochs, long? Steps)
{
    public DpSgdRun Of(DpSgdRun run) => run.WithLength(Epochs, Steps);

    public override string ToString() => Epochs is { } epochs
        ? FormattableString.Invariant($"{epochs} {(epochs == 1 ? "epoch" : "epochs")}")
        : FormattableString.Invariant($"{Steps:N0} {(Steps == 1 ? "step" : "steps")}");
}
