using System.Globalization;
using System.Reflection;
using DpSgd.Accounting;
using DpSgd.Checkpoints;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd;

/// <content>Checkpoints.</content>
public partial class DPOptimizer
{
    /// <summary>The version of this library, for reports.</summary>
    internal static string LibraryVersion { get; } =
        typeof(DPOptimizer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;

    /// <summary>
    /// Saves all that training needs to go on: the model, the wrapped optimizer, the privacy ledger, the number of steps, how
    /// far the loader is in its epoch, and what the options were. The file appears whole or not at all, and the one that it replaces is kept, its name followed by
    /// <c>.previous</c>.
    /// </summary>
    /// <remarks>
    /// From then on each step is also written to a journal beside it, its name followed by <c>.steps</c>, before the weights
    /// change. So the steps between the last checkpoint and a crash are in the ledger of the run that goes on, as they must be:
    /// what came of them may have been seen. Keep the two files together.
    /// </remarks>
    /// <param name="path">The file.</param>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="InvalidOperationException">The noise comes from a seed, and would come again after loading.</exception>
    /// <exception cref="NotSupportedException">The wrapped optimizer has state of a kind that no checkpoint can hold.</exception>
    /// <exception cref="IOException">The file cannot be written, or belongs to another optimizer. An older one is as it was.</exception>
    public void SaveCheckpoint(string path)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Guard.NotNull(path);
        RefuseSeededNoise();
        var (header, tensors) = Capture();
        _ledger.Keep(path, () => CheckpointFile.Write(path, header, tensors));
    }

    /// <summary>
    /// Goes on from a checkpoint: sets the weights, the state of the wrapped optimizer, and <see cref="Steps"/>, and enters
    /// into the ledger what is not in it yet. All of the file is verified first; if anything is wrong, nothing is changed.
    /// </summary>
    /// <remarks>
    /// <para>
    /// The ledger never gets smaller. When a run goes back to an earlier checkpoint, the steps taken since stay in it. Steps
    /// that a killed run took after its last checkpoint are taken from the journal beside it. The checkpoints of several
    /// optimizers that shared an accountant are loaded one after the other, and shared steps count once.
    /// </para>
    /// <para>
    /// One optimizer at a time may save to a file or go on from it; another one's attempt is refused until the first is disposed of or
    /// its process has ended. What is drawn after loading is new, batches and noise, so what a killed run would have computed is
    /// not computed again.
    /// </para>
    /// <para>
    /// The next loop over the loader draws the batches that were left of the epoch; a shuffled epoch begins anew, and is paid for
    /// again.
    /// </para>
    /// </remarks>
    /// <param name="path">A file that <see cref="SaveCheckpoint"/> wrote.</param>
    /// <exception cref="ArgumentNullException"><paramref name="path"/> is null.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file, or its journal, is damaged or no checkpoint. Nothing was loaded.</exception>
    /// <exception cref="InvalidOperationException">It is of another run: the message names what is different. Nothing was loaded.</exception>
    /// <exception cref="IOException">A file cannot be read, or the journal cannot be written; or the checkpoint belongs to another optimizer.</exception>
    public void LoadCheckpoint(string path)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        Guard.NotNull(path);
        RefuseSeededNoise();
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no checkpoint {path}.", path);
        var now = Capture().Header;
        CheckpointHeader header = null!;
        IReadOnlyList<Tensor> values = [];
        // The ledger before the weights, as in a step.
        _ledger.Keep(path, () =>
        {
            (header, values) = CheckpointFile.Read(path, saved => CheckpointComparison.RefuseOthers(path, saved, now));
            var journal = StepJournal.Read(path);
            _ledger.Merge(header.Ledger);
            _ledger.Merge(journal);
        });
        Restore(header, values);
        (Steps, NonFiniteExamples, BatchesLeftOut) = (header.Steps, header.NonFiniteExamples, header.BatchesLeftOut);
        if (header.Sampler is not null)
            _options.Sampling?.Draws?.GoTo(header.Sampler);
    }

    /// <summary>
    /// Enters what is in the ledger of a checkpoint, and of the journal beside it, into an accountant: for another run on the
    /// same data, with another model or other options.
    /// </summary>
    /// <param name="path">A file that <see cref="SaveCheckpoint"/> wrote.</param>
    /// <param name="accountant">Where it is entered, as far as it is not in it yet. Give it to <see cref="DPOptimizerOptions.Accountant"/>.</param>
    /// <exception cref="ArgumentNullException">An argument is null.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file, or its journal, is damaged or no checkpoint. Nothing was entered.</exception>
    /// <exception cref="InvalidOperationException">The accountant has another neighbouring relation. Nothing was entered.</exception>
    /// <exception cref="NotSupportedException">The accountant has no bound for what is in the ledger.</exception>
    public static void ReadLedger(string path, IPrivacyAccountant accountant)
    {
        Guard.NotNull(path);
        Guard.NotNull(accountant);
        using var scope = NewDisposeScope();
        var (header, _) = CheckpointFile.Read(path, saved =>
        {
            if (saved.Run.NeighboringRelation != accountant.NeighboringRelation)
                throw new InvalidOperationException($"NeighboringRelation was {saved.Run.NeighboringRelation} in {path}, is {accountant.NeighboringRelation}. Nothing was entered.");
        });
        var journal = StepJournal.Read(path);
        var ledger = SharedLedger.Of(accountant);
        ledger.Merge(header.Ledger);
        ledger.Merge(journal);
    }

    private (CheckpointHeader Header, IReadOnlyList<Tensor> Tensors) Capture()
    {
        var trained = _parameters.Where(p => p.requires_grad).Select(p => p.Handle).ToHashSet();
        var model = _model.state_dict().ToList();
        var tensors = model.Select(named => named.Value).ToList();
        var state = _inner.state_dict();
        var names = _ofModel.ToDictionary(named => named.Parameter.Handle, named => named.Name);
        var header = new CheckpointHeader(
            LibraryVersion,
            Steps,
            NonFiniteExamples,
            new(
                _options.L2NormClip,
                _options.NoiseMultiplier,
                _options.LossReduction,
                _options.Noise.ToString()!,
                Accountant.NeighboringRelation,
                _options.NumMicrobatches,
                _options.MicrobatchSize,
                Invariant(_options.Sampling)),
            _ledger.Parts(),
            [.. model.Select(named => new TensorEntry(named.Key, named.Value.dtype, named.Value.shape, trained.Contains(named.Value.Handle)))],
            new(
                _inner.GetType().FullName!,
                [.. state.Options.Select((options, i) => ObjectFields.Read($"group {i}", options, tensors))],
                [.. state.State.Zip(_inner.parameters(), (s, p) => ObjectFields.Read(names.GetValueOrDefault(p.Handle, ""), s, tensors))]),
            BatchesLeftOut,
            _options.Sampling?.Draws?.Position);
        return (header, tensors);
    }

    /// <summary>Nothing in here can fail for the checkpoint's sake: it was compared with what is here.</summary>
    private void Restore(CheckpointHeader header, IReadOnlyList<Tensor> values)
    {
        var next = 0;
        var model = _model.state_dict();
        foreach (var entry in header.Model)
            model[entry.Name].copy_(values[next++]);

        var state = _inner.state_dict();
        for (var i = 0; i < header.Optimizer.Groups.Length; i++)
            ObjectFields.Write(state.Options[i], header.Optimizer.Groups[i], () => throw new InvalidDataException("Options have no tensors."));
        foreach (var (own, entry, parameter) in state.State.Zip(header.Optimizer.States, _inner.parameters()))
            ObjectFields.Write(own, entry, () => values[next++].to(parameter.device).DetachFromDisposeScope());
        zero_grad();
        _tap.Forget();
    }

    private void RefuseSeededNoise()
    {
        if (!_options.Noise.IsSecure)
        {
            throw new InvalidOperationException(
                "A run with seeded noise has no checkpoints: after loading, the same noise would come again, and the difference of two runs would " +
                "be without any. Use NoiseSource.Secure.");
        }
    }

    /// <summary>The sampling as a text that is the same in every culture.</summary>
    private static string? Invariant(BatchSampling? sampling)
    {
        var culture = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
            return sampling?.ToString();
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }
}
