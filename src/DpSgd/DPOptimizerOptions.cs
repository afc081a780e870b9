using DpSgd.Accounting;
using DpSgd.PerExampleGradients;

namespace DpSgd;

/// <summary>What makes training private, and how private.</summary>
public sealed partial record DPOptimizerOptions
{
    /// <summary>
    /// C: the l2 norm, over all parameters together, to which each microbatch's gradient is clipped. Positive and finite.
    /// </summary>
    public required double L2NormClip
    {
        get;
        init => field = Guard.Positive(value, nameof(L2NormClip));
    }

    /// <summary>
    /// Sigma: the standard deviation of the noise on the sum of the clipped gradients, over C. At least zero and finite;
    /// with zero there is no privacy, and epsilon is infinite.
    /// </summary>
    public required double NoiseMultiplier
    {
        get;
        init => field = Guard.NonNegativeFinite(value, nameof(NoiseMultiplier));
    }

    /// <summary>
    /// Into how many microbatches a batch is divided; they must divide it. Null, the default, makes each example its own
    /// microbatch, which gives the best accuracy for the privacy. At least one.
    /// </summary>
    /// <remarks>
    /// A microbatch of several examples doubles what one example can change, and is accounted so. With
    /// <see cref="Sampling"/> it is the expected batch that is divided, and each example is put into a microbatch at random.
    /// </remarks>
    public int? NumMicrobatches
    {
        get;
        init => field = AtLeastOne(value, nameof(NumMicrobatches));
    }

    /// <summary>
    /// The other way to say <see cref="NumMicrobatches"/>: how many examples a microbatch has. The last one of a batch may
    /// have fewer. At least one.
    /// </summary>
    public int? MicrobatchSize
    {
        get;
        init => field = AtLeastOne(value, nameof(MicrobatchSize));
    }

    /// <summary>How the loss that <c>backward()</c> was called on combines the examples. The mean, unless said otherwise.</summary>
    public LossReduction LossReduction
    {
        get;
        init => field = Enum.IsDefined(value)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(LossReduction), value, "LossReduction must be Mean or Sum.");
    }

    /// <summary>
    /// How the batches are drawn; take it from the loader. Null, the default, claims nothing: every example counts as being
    /// in every batch.
    /// </summary>
    /// <remarks>
    /// Without it the size of each batch counts as public, and so does the place of each example in it, which decides who
    /// shares a microbatch: the guarantee compares a data set with the same one in which an example was blanked out.
    /// </remarks>
    public BatchSampling? Sampling { get; init; }

    /// <summary>
    /// The ledger that every step is entered into. Null, the default, makes a new <see cref="RdpAccountant"/>, or a new
    /// <see cref="PldAccountant"/> for truncated Poisson samples. Give the same one to all optimizers that train on the same
    /// data. Batches of fixed size need one whose neighbouring relation you chose: another is refused.
    /// </summary>
    public IPrivacyAccountant? Accountant { get; init; }

    /// <summary>Where the noise comes from: <see cref="NoiseSource.Secure"/>, except in tests.</summary>
    public NoiseSource Noise
    {
        get;
        init => field = Guard.NotNull(value, nameof(Noise));
    } = NoiseSource.Secure;

    /// <summary>
    /// How many bytes of memory the layer rules may take beside what a layer took in and the gradient of what it put out. At
    /// least one; 24 MiB by default. The result does not depend on it, but for rounding.
    /// </summary>
    /// <remarks>
    /// What is made and thrown away again, such as the gradients of some examples written out, is made for as many examples
    /// at a time as fit, and for one at least. The gradients of convolutions are kept from the norm to the sum where there is
    /// room, and made twice where there is not.
    /// </remarks>
    public long MemoryBudget
    {
        get;
        init => field = Guard.AtLeast(1, value, nameof(MemoryBudget));
    } = DefaultMemoryBudget;

    /// <summary>
    /// Rules for modules of your own, written as <see cref="LayerRule{TLayer}"/> says. None, by default. One for a type of
    /// layer that has a rule already goes before that.
    /// </summary>
    public IReadOnlyList<LayerRule> LayerRules
    {
        get;
        init => field = Guard.NotNull(value, nameof(LayerRules));
    } = [];

    /// <summary>
    /// For models with layers that have no rule: true makes an optimizer that takes its steps with
    /// <see cref="DPOptimizer.step(long, Func{TorchSharp.torch.Tensor, TorchSharp.torch.Tensor})"/> alone, an ordinary backward
    /// pass for each microbatch. The guarantee is the same; a step is slower by about the number of microbatches.
    /// </summary>
    public bool PerMicrobatchBackward { get; init; }

    internal const long DefaultMemoryBudget = 24 << 20;

    private static int? AtLeastOne(int? value, string name) =>
        value is { } given ? (int)Guard.AtLeast(1, given, name) : null;
}
