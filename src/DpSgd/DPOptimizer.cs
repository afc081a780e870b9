using DpSgd.Accounting;
using DpSgd.Clipping;
using DpSgd.PerExampleGradients;
using DpSgd.Validation;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <summary>
/// Makes any TorchSharp optimizer private: its step sees only gradients that were computed for each microbatch, clipped to
/// <see cref="DPOptimizerOptions.L2NormClip"/>, summed, and covered with Gaussian noise (DP-SGD: Abadi et al., "Deep
/// Learning with Differential Privacy", 2016). Each step is entered into a ledger first, and <see cref="GetEpsilon"/> is
/// computed from it.
/// </summary>
/// <remarks>
/// <para>
/// Train as always: <c>zero_grad()</c>, one call of the model, <c>backward()</c> on the mean loss, <c>step()</c>. The model
/// must be called with <c>call</c>, since <c>forward</c> passes hooks by. The first dimension of the model's first tensor
/// argument, and of what goes into each trained layer, is the example.
/// </para>
/// <para>
/// Between <c>backward()</c> and <c>step()</c> the parameters have no gradient: an unclipped one is never computed. A
/// parameter whose gradient comes by another way than through its layer makes the step throw.
/// </para>
/// <para>Not safe for several threads; several optimizers on several threads, each with its own model, are.</para>
/// </remarks>
public partial class DPOptimizer : OptimizerHelper
{
    private readonly OptimizerHelper _inner;
    private readonly nn.Module _model;
    private readonly DPOptimizerOptions _options;
    private readonly Microbatching _microbatching;
    private readonly OptimizerLedger _ledger;
    private IReadOnlyList<Parameter> _parameters = [];
    private HashSet<IntPtr> _known = [];
    private IReadOnlyList<(string Name, Parameter Parameter)> _ofModel = [];
    private GradientTap _tap = null!;
    private FrozenBatchNorms _frozenBatchNorms = null!;
    private EmptyInstanceNorms _instanceNorms = null!;
    private FlatGradient _gradient = null!;
    private int _isStepping;

    /// <summary>Wraps an optimizer.</summary>
    /// <param name="optimizer">The optimizer that takes the steps; it now belongs to this one. Do not step it yourself.</param>
    /// <param name="model">The whole model, on its device, whose parameters the optimizer trains.</param>
    /// <param name="options">What makes it private.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="ArgumentException">
    /// The model has a layer with trained parameters for which there is no rule, or one that mixes the examples of a batch;
    /// or the optimizer trains parameters that are not the model's; or the microbatches do not divide the expected batch; or
    /// the accountant has no bound for the sampling; or the sampling was altered after it was taken from its loader.
    /// </exception>
    /// <exception cref="InvalidOperationException">The model already has a DPOptimizer.</exception>
    public DPOptimizer(OptimizerHelper optimizer, nn.Module model, DPOptimizerOptions options)
    {
        _inner = Guard.NotNull(optimizer);
        _model = Guard.NotNull(model);
        _options = Guard.NotNull(options);
        if (optimizer is DPOptimizer)
            throw new ArgumentException("The optimizer is private already.", nameof(optimizer));
        if (!float.IsFinite((float)(1000 * options.L2NormClip * options.NoiseMultiplier)))
        {
            throw new ArgumentOutOfRangeException(
                nameof(DPOptimizerOptions.L2NormClip), options.L2NormClip,
                $"L2NormClip times NoiseMultiplier, {options.NoiseMultiplier}, is more noise than a 32 bit float can hold.");
        }
        RefuseTooSmall(options);
        RefuseStale(optimizer);
        _microbatching = new Microbatching(options);
        Accountant = SamplingAccountant.For(options);
        RefuseAltered(options.Sampling);
        if (options.Budget is not null)
            DPOptimizerOptions.RefuseUnknown(Accountant, nameof(DPOptimizerOptions.Accountant));
        _ledger = new OptimizerLedger(Accountant, options.Budget);
        RefuseNonFinite(model);
        Attach();
        WatchBatches();
    }

    /// <summary>Refuses optimizers that are not written in .NET, of which TorchSharp has one: LBFGS.</summary>
    /// <param name="optimizer">The optimizer.</param>
    /// <param name="model">The model.</param>
    /// <param name="options">The options.</param>
    /// <exception cref="ArgumentException">Always.</exception>
    public DPOptimizer(optim.Optimizer optimizer, nn.Module model, DPOptimizerOptions options)
        : this(
            optimizer as OptimizerHelper ?? throw new ArgumentException(
                $"{Guard.NotNull(optimizer).GetType().Name} cannot be made private: within one step it evaluates the loss several times, " +
                "and each evaluation would be a release of its own, without noise. Use SGD, Adam or another first-order optimizer.",
                nameof(optimizer)),
            model,
            options)
    {
    }

    /// <summary>The ledger: every step that was taken is in it, entered before the weights changed.</summary>
    public IPrivacyAccountant Accountant { get; }

    /// <summary>Number of private steps taken.</summary>
    public long Steps { get; private set; }

    /// <summary>
    /// How many examples had a gradient that was NaN or infinite, themselves or in their microbatch, and so contributed
    /// nothing. The number depends on the data and is not private: do not publish it.
    /// </summary>
    public long NonFiniteExamples { get; private set; }

    /// <summary>Told when a part of a step has ended; for benchmarks.</summary>
    internal Action<StepPhase>? PhaseEnded { get; set; }

    /// <summary>
    /// Takes one private step. On a piece of a batch that is not the last it adds to the batch's sum, and changes nothing else
    /// (<see cref="DPDataLoader{TBatch}"/>).
    /// </summary>
    /// <param name="closure">
    /// Null after <c>loss.backward()</c>. Otherwise it calls the model and returns the loss of each example, a tensor of
    /// shape [B]; the backward pass is then made here.
    /// </param>
    /// <returns>What the closure returned; null without one.</returns>
    /// <exception cref="InvalidOperationException">
    /// There was no backward pass; or it was not one pass through one call of the model; or a parameter got a gradient by
    /// another way than through its layer. No step was taken and none was counted.
    /// </exception>
    /// <exception cref="ArgumentException"><see cref="DPOptimizerOptions.NumMicrobatches"/> does not divide the batch. No step was taken and none was counted.</exception>
    /// <exception cref="PrivacyBudgetExceededException">The step would spend more than <see cref="DPOptimizerOptions.Budget"/>. No step was taken and none was counted.</exception>
    /// <exception cref="NotSupportedException">The accountant has no bound for the step, as for Poisson samples when one example is replaced. No step was taken and none was counted.</exception>
    public override Tensor step(Func<Tensor>? closure = null)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_microbatchBackward is not null)
        {
            throw new InvalidOperationException(
                "No private step was taken: with DPOptimizerOptions.PerMicrobatchBackward the step makes the backward passes itself. " +
                "Write optimizer.step(batchSize, positions => loss of the examples at those positions).");
        }
        BeginStep();
        try
        {
            var losses = closure is null ? null : BackwardPerExample(closure);
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();

            RefuseOtherGradients();
            var batch = _tap.Catch() ?? throw NothingToStepOn();
            if (losses is not null && losses.shape[0] != batch.Size)
                throw NotOneLossEach(losses.shape[0], batch.Size);
            var piece = PieceInHand(batch.Size);
            var microbatches = piece?.Microbatches ?? _microbatching.Divide(batch.Size);
            var expectedCount = _microbatching.ExpectedCount(batch.Size);

            _gradient.Zero();
            var nonFinite = batch.Size > 0
                ? AddClippedSum(batch, microbatches, closure is null ? _options.LossReduction : LossReduction.Sum)
                : 0;
            PhaseEnded?.Invoke(StepPhase.Sums);
            if (CompletesBatch(piece))
                Release(piece, batch.Size, expectedCount, nonFinite);
            else
                NonFiniteExamples += nonFinite;
            return losses!;
        }
        finally
        {
            _tap.Forget();
            EndStep();
        }
    }

    /// <summary>From the clipped sum to the update: noise, scale, ledger, and then the weights.</summary>
    private void Release(BatchPiece? piece, long batchSize, double expectedCount, long nonFinite)
    {
        _gradient.AddNoise(_options.Noise, _options.NoiseMultiplier * _options.L2NormClip);
        _gradient.DivideBy(expectedCount);
        PhaseEnded?.Invoke(StepPhase.Noise);

        EnterIntoLedger(piece, batchSize);
        piece?.Use();
        Steps++;
        NonFiniteExamples += nonFinite;
        Update();
        PhaseEnded?.Invoke(StepPhase.Update);
    }

    /// <summary>Runs the closure and the backward pass of the sum of its losses.</summary>
    private static Tensor BackwardPerExample(Func<Tensor> closure)
    {
        using var gradient = enable_grad();
        var losses = closure();
        if (losses is null || losses.dim() != 1)
        {
            throw new InvalidOperationException(
                "The closure must return the loss of each example, a tensor of shape [B]; it returned " +
                (losses is null ? "null. " : $"one of shape [{string.Join(", ", losses.shape)}]. ") +
                (losses?.dim() > 1
                    ? "Average what belongs to one example: losses.flatten(1).mean(dim: 1L)."
                    : "Write reduction: Reduction.None in the loss function, and do not call backward()."));
        }
        if (!losses.requires_grad)
        {
            throw new InvalidOperationException(
                "No private step was taken: the losses that the closure returned do not depend on what is trained. Compute them from " +
                "model.call(x), without detach(), and not inside no_grad() or inference_mode().");
        }
        using var sum = losses.sum();
        sum.backward();
        return losses;
    }

    /// <summary>Clips each microbatch's average gradient to norm C and adds the sum of them to the flat gradient.</summary>
    /// <returns>How many examples were left out since their gradients, or their microbatches', were not finite.</returns>
    private long AddClippedSum(TappedBatch batch, Microbatches microbatches, LossReduction reduction)
    {
        using var scope = NewDisposeScope();
        using var toAverage = AverageScale(microbatches, reduction);
        var norms = batch.Norms(microbatches, toAverage.device).mul_(toAverage);
        PhaseEnded?.Invoke(StepPhase.Norms);
        var weights = microbatches.Spread(FlatClipping.Factors(norms, _options.L2NormClip).mul_(toAverage));
        var drop = microbatches.Spread(norms.isfinite().logical_not());
        // The one value of a step that the host has to know: whether there is anything to leave out.
        var dropped = drop.sum().ToInt64();
        (dropped == 0 ? batch : batch.Without(drop)).AddWeightedSum(weights, _gradient);
        return dropped;
    }

    /// <summary>What makes a microbatch's part of the loss's gradient the average of its examples' gradients: [M].</summary>
    private Tensor AverageScale(Microbatches microbatches, LossReduction reduction)
    {
        var examples = reduction == LossReduction.Mean ? (double)microbatches.BatchSize : 1;
        var device = _parameters[0].device;
        return microbatches.Sizes is { } sizes
            ? tensor(sizes.Select(size => examples / Math.Max(size, 1)).ToArray(), device: device)
            : ones(microbatches.Count, dtype: ScalarType.Float64, device: device).Multiply(examples / microbatches.Width);
    }

    /// <summary>Shows the inner optimizer the private gradient, and nothing else, for the length of its step.</summary>
    private void Update()
    {
        try
        {
            foreach (var parameter in _parameters)
            {
                if (parameter.requires_grad)
                    parameter.grad = _gradient.GradOf(parameter);
            }
            _inner.step();
        }
        finally
        {
            foreach (var parameter in _parameters)
                parameter.grad = null;
        }
    }

    /// <exception cref="ArgumentException">One of the parameters cannot be trained privately.</exception>
    private IReadOnlyList<TappedLayer> LayersToTap(IReadOnlyList<Parameter> parameters, string argument)
    {
        ModelInspection.RefuseForeign(_model, parameters, argument);
        var inspection = new ModelInspection(_model, parameters, _options);
        inspection.RefuseProblems();
        return inspection.Layers;
    }

    /// <summary>Taps the model for the parameters that the inner optimizer trains now.</summary>
    private void Attach()
    {
        var parameters = _inner.parameters().Where(p => p.requires_grad).DistinctBy(p => p.Handle).ToList();
        var layers = LayersToTap(parameters, "optimizer");
        var gradient = new FlatGradient(parameters);
        _instanceNorms = new EmptyInstanceNorms(_model);
        try
        {
            _tap = new GradientTap(_model, layers, new Workspace(_options.MemoryBudget));
        }
        catch
        {
            gradient.Dispose();
            _instanceNorms.Dispose();
            throw;
        }
        _instanceNorms.Start();
        _frozenBatchNorms = new FrozenBatchNorms(_model);
        if (_options.PerMicrobatchBackward)
            _microbatchBackward = new MicrobatchBackward(_model, parameters);
        _gradient = gradient;
        _parameters = parameters;
        _known = parameters.Select(p => p.Handle).ToHashSet();
        _ofModel = _model.named_parameters().DistinctBy(p => p.parameter.Handle).ToList();
    }
}
