using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Layers;

/// <summary>
/// One of TorchSharp's layers and ours that is to compute the same. What cannot be read from TorchSharp's is found out by
/// running both on the same input, in training with the same random numbers.
/// </summary>
/// <param name="theirs">TorchSharp's layer.</param>
/// <param name="ours">Our layer.</param>
/// <param name="weights">Parameters, or parts of them, that correspond.</param>
/// <param name="runTheirs">Runs TorchSharp's layer on some input of one example.</param>
/// <param name="runOurs">Runs our layer on the same.</param>
internal sealed class Twins(
    nn.Module theirs,
    nn.Module ours,
    IReadOnlyList<WeightPair> weights,
    Func<IReadOnlyList<Tensor>> runTheirs,
    Func<IReadOnlyList<Tensor>> runOurs)
{
    private const int Seed = 1;

    /// <summary>Copies weights and frozenness to our layer, and its mode; the caller then makes sure that both agree.</summary>
    public void CopyToOurs()
    {
        using var noGradient = no_grad();
        foreach (var (from, to, trained) in weights)
        {
            to.copy_(from);
            to.requires_grad = trained;
        }
        ours.train(theirs.training);
    }

    /// <summary>Copies weights to TorchSharp's layer.</summary>
    /// <exception cref="ArgumentException">It computes something else with them; it is left as it was.</exception>
    public void CopyToTheirs(Action check)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var before = weights.Select(pair => pair.Theirs.clone()).ToList();
        foreach (var (to, from, _) in weights)
            to.copy_(from);
        try
        {
            check();
        }
        catch
        {
            for (var i = 0; i < before.Count; i++)
                weights[i].Theirs.copy_(before[i]);
            throw;
        }
    }

    /// <summary>Finds the one value of an option with which both put out the same in evaluation.</summary>
    /// <param name="candidates">What it may be.</param>
    /// <param name="set">Sets ours.</param>
    /// <param name="name">The parameter with which it can be given.</param>
    /// <exception cref="ArgumentException">It is none of them, or which one the weights do not tell.</exception>
    public void FindOption<T>(IEnumerable<T> candidates, Action<T> set, string name)
    {
        var agreeing = candidates.Where(candidate =>
        {
            set(candidate);
            return Agree(training: false);
        }).ToList();
        if (agreeing.Count > 1)
            throw new ArgumentException($"This {theirs.GetType().Name} has such weights that its {name} cannot be found: give it.", name);
        if (agreeing.Count == 0)
            throw Different(theirs, name);
        set(agreeing[0]);
    }

    /// <summary>Makes sure that both put out the same in evaluation.</summary>
    /// <exception cref="ArgumentException">They do not.</exception>
    public void RequireAgreement()
    {
        if (!Agree(training: false))
            throw Different(theirs, "layer");
    }

    /// <summary>What to throw where both layers cannot be the same.</summary>
    public static ArgumentException Different(nn.Module theirs, string name) =>
        new($"This {theirs.GetType().Name} has other options: all must be the same, seen in its parameters or not.", name);

    /// <summary>Makes sure that a dropout is that of TorchSharp's layer, or finds it.</summary>
    /// <param name="given">What it is said to be; null to try the usual values.</param>
    /// <param name="set">Sets ours.</param>
    /// <exception cref="ArgumentException">It is not, or it cannot be found.</exception>
    public void FindDropout(double? given, Action<double> set)
    {
        // Only the CPU's generator can be asked for the same numbers again without touching what others draw.
        var comparable = weights[0].Theirs.device_type == DeviceType.CPU;
        IEnumerable<double> candidates = given is { } value ? [value] : Enumerable.Range(0, 20).Select(i => i / 20.0);
        if (!comparable && given is null)
            throw new ArgumentException($"The dropout of a {theirs.GetType().Name} can be found only on the CPU: give it.", "dropout");
        foreach (var candidate in candidates)
        {
            set(candidate);
            if (!comparable || Agree(training: true))
                return;
        }
        throw new ArgumentException(
            given is null
                ? $"The dropout of this {theirs.GetType().Name} is not a multiple of 0.05: give it."
                : $"The dropout of this {theirs.GetType().Name} is not {given}.",
            "dropout");
    }

    private bool Agree(bool training)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var expected = Run(theirs, training, runTheirs);
        var actual = Run(ours, training, runOurs);
        return expected.Zip(actual).All(pair => AreClose(pair.First, pair.Second));
    }

    private static IReadOnlyList<Tensor> Run(nn.Module module, bool training, Func<IReadOnlyList<Tensor>> run)
    {
        var mode = module.training;
        using var randomness = new KeptRandomness();
        try
        {
            module.train(training);
            random.manual_seed(Seed);
            return run();
        }
        finally
        {
            module.train(mode);
        }
    }

    private static bool AreClose(Tensor a, Tensor b)
    {
        if (!a.shape.SequenceEqual(b.shape))
            return false;
        var tolerance = a.dtype switch
        {
            ScalarType.Float64 => 1e-9,
            ScalarType.Float32 => 1e-4,
            _ => 0.03,
        };
        a = a.to(ScalarType.Float64);
        b = b.to(ScalarType.Float64);
        var scale = a.abs().nan_to_num(0, 0, 0).max().ToDouble();
        return a.allclose(b, rtol: tolerance, atol: tolerance * scale, equal_nan: true);
    }
}
