using DpSgd.Accounting;

namespace DpSgd;

/// <content>What was spent, and what may be.</content>
public partial class DPOptimizer
{
    private long? _lastBatchSize;
    private long _leftOutBefore;

    /// <summary>
    /// How many more steps <see cref="DPOptimizerOptions.Budget"/> allows, on batches like the last one:
    /// <see cref="long.MaxValue"/> without a budget. With <see cref="ShuffledDataLoader"/>, where the first step of an epoch
    /// pays for all of it, how many more epochs.
    /// </summary>
    public long StepsLeft => _ledger.StepsLeft(EventOf(_lastBatchSize ?? _options.NumMicrobatches ?? 1));

    /// <summary>
    /// Whether the budget allows another step. Let the loop ask: <c>if (!optimizer.CanStep) break;</c>.
    /// </summary>
    public bool CanStep => IsPaid(InHand) || StepsLeft > 0;

    /// <summary>The epsilon that holds, with the given delta, for all steps in the ledger so far.</summary>
    /// <param name="delta">Delta, in (0, 1): usually well below one over the number of examples.</param>
    /// <returns>Epsilon; positive infinity if there is no finite one.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delta"/> is NaN or outside (0, 1).</exception>
    public double GetEpsilon(double delta) => Accountant.GetEpsilon(Guard.StrictlyBetweenZeroAndOne(delta));

    /// <summary>
    /// What all steps so far guarantee: epsilon with all that it rests on, as a record and in words
    /// (<see cref="TrainingGuarantee.Statement"/>).
    /// </summary>
    /// <param name="delta">Delta, in (0, 1): usually well below one over the number of examples.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="delta"/> is NaN or outside (0, 1).</exception>
    public TrainingGuarantee Guarantee(double delta)
    {
        Guard.StrictlyBetweenZeroAndOne(delta);
        var (epsilon, order) = KnownAccountant.Epsilon(Accountant, delta);
        return new()
        {
            Epsilon = epsilon,
            Delta = delta,
            OptimalOrder = order,
            NeighboringRelation = Accountant.NeighboringRelation,
            Accountant = Accountant.GetType().Name,
            Events = KnownAccountant.Ledger(Accountant) ?? _ledger.Entries(),
            Steps = Steps,
            Sampling = _options.Sampling,
            L2NormClip = _options.L2NormClip,
            NoiseMultiplier = _options.NoiseMultiplier,
            MicrobatchSize = _microbatching.UsualSize,
            IsNoiseSecure = _options.Noise.IsSecure,
            NoiseSource = _options.Noise.ToString()!,
            NonFiniteExamples = NonFiniteExamples,
            BatchesLeftOut = BatchesLeftOut,
            LibraryVersion = LibraryVersion,
        };
    }

    private DpEvent EventOf(long batchSize) =>
        StepEvent.Of(_options, _microbatching, Accountant.NeighboringRelation, batchSize, _gradient.Length);

    /// <summary>Batches that were drawn for training and of which no step was made, before and after a checkpoint was loaded.</summary>
    private long BatchesLeftOut
    {
        get => _leftOutBefore + (_options.Sampling?.Draws?.LeftOut ?? 0);
        set => _leftOutBefore = value - (_options.Sampling?.Draws?.LeftOut ?? 0);
    }

    /// <summary>Whether a batch is of an epoch that an earlier step has paid for.</summary>
    private bool IsPaid(BatchPiece? batch) => _options.Sampling is { IsPaidByEpoch: true } && batch is not null && batch.Epoch == _paidEpoch;

    /// <summary>Enters the step that is about to be taken into the ledger.</summary>
    private void EnterIntoLedger(BatchPiece? batch, long batchSize)
    {
        _ledger.Enter(IsPaid(batch) && _options.Noise.IsSecure ? new NoOpDpEvent() : EventOf(batchSize));
        _paidEpoch = batch?.Epoch;
        _lastBatchSize = batchSize;
    }
}
