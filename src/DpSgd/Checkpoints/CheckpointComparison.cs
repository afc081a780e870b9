using System.Globalization;

namespace DpSgd.Checkpoints;

/// <summary>What of a checkpoint is not as it is in the optimizer that should go on from it.</summary>
internal static class CheckpointComparison
{
    private const int Enough = 6;

    /// <exception cref="InvalidOperationException">Something is different, and it says what.</exception>
    public static void RefuseOthers(string path, CheckpointHeader saved, CheckpointHeader now)
    {
        var differences = Run(saved.Run, now.Run).Concat(Model(saved.Model, now.Model)).Concat(Optimizer(saved.Optimizer, now.Optimizer)).ToList();
        if (differences.Count == 0)
            return;
        throw new InvalidOperationException(
            $"{path} is of another run, and nothing was loaded. {string.Join("; ", differences.Take(Enough))}" +
            (differences.Count > Enough ? $"; and {differences.Count - Enough} more differences." : ".") +
            " Make model, optimizer and options as they were; to begin another run on the same data, go on with its ledger: DPOptimizer.ReadLedger(path, accountant).");
    }

    private static IEnumerable<string> Run(RunEntry saved, RunEntry now) => new[]
    {
        Difference(nameof(saved.L2NormClip), saved.L2NormClip, now.L2NormClip),
        Difference(nameof(saved.NoiseMultiplier), saved.NoiseMultiplier, now.NoiseMultiplier),
        Difference(nameof(saved.NumMicrobatches), saved.NumMicrobatches, now.NumMicrobatches),
        Difference(nameof(saved.MicrobatchSize), saved.MicrobatchSize, now.MicrobatchSize),
        Difference(nameof(saved.LossReduction), saved.LossReduction, now.LossReduction),
        Difference(nameof(saved.Sampling), saved.Sampling, now.Sampling),
        Difference(nameof(saved.Noise), saved.Noise, now.Noise),
        Difference(nameof(saved.NeighboringRelation), saved.NeighboringRelation, now.NeighboringRelation),
    }.OfType<string>();

    private static IEnumerable<string> Model(TensorEntry[] saved, TensorEntry[] now)
    {
        var byName = now.ToDictionary(tensor => tensor.Name);
        foreach (var tensor in saved)
        {
            if (!byName.Remove(tensor.Name, out var other))
                yield return $"The model had '{tensor.Name}' and has not";
            else if (Difference($"The model's '{tensor.Name}'", tensor.ToString(), other.ToString()) is { } difference)
                yield return difference;
        }
        foreach (var name in byName.Keys)
            yield return $"The model has '{name}' and had not";
    }

    private static IEnumerable<string> Optimizer(OptimizerEntry saved, OptimizerEntry now)
    {
        if (Difference("The optimizer", saved.Kind, now.Kind) is { } kind)
        {
            yield return kind;
            yield break;
        }
        if (Difference("The number of parameter groups", saved.Groups.Length, now.Groups.Length) is { } groups)
            yield return groups;
        if (!saved.States.Select(state => state.Name).SequenceEqual(now.States.Select(state => state.Name)))
            yield return "The optimizer trains other parameters, or in another order";
        if (!Fields(saved.Groups.Concat(saved.States)).SequenceEqual(Fields(now.Groups.Concat(now.States))))
            yield return "The optimizer's state is of another version of TorchSharp";
    }

    private static IEnumerable<string> Fields(IEnumerable<ObjectEntry> objects) => objects.SelectMany(o => o.Fields).Select(field => field.Name);

    private static string? Difference<T>(string what, T saved, T now) => Equals(saved, now)
        ? null
        : string.Create(CultureInfo.InvariantCulture, $"{what} was {Text(saved)}, is {Text(now)}");

    private static string Text<T>(T value) => value is null ? "not set" : Convert.ToString(value, CultureInfo.InvariantCulture)!;
}
