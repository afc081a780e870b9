using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Layers.Attention;

/// <summary>Makes our attention of TorchSharp's, and gives the weights back.</summary>
internal static class AttentionConversion
{
    public static DPMultiheadAttention From(MultiheadAttention theirs, long? heads, double? dropout, bool batchFirst)
    {
        using var randomness = new KeptRandomness();
        var names = theirs.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var size = names["out_proj.weight"].shape[0];
        var ours = new DPMultiheadAttention(
            size,
            heads ?? 1,
            dropout ?? 0,
            names.ContainsKey("in_proj_bias"),
            names.ContainsKey("bias_k"),
            addZeroAttn: false,
            names.TryGetValue("k_proj_weight", out var key) ? key.shape[1] : null,
            names.TryGetValue("v_proj_weight", out var value) ? value.shape[1] : null,
            batchFirst);
        try
        {
            using var scope = NewDisposeScope();
            var like = names["out_proj.weight"];
            ours.to(like.dtype).to(like.device);
            var twins = Pair(theirs, ours, batchFirst);
            twins.CopyToOurs();
            var options =
                from count in heads is { } given ? [given] : Divisors(size)
                from zero in new[] { false, true }
                select (count, zero);
            twins.FindOption(options, option => (ours.Heads, ours.AddsZero) = option, "numHeads");
            twins.FindDropout(dropout, p => ours.Dropout = p);
            return ours;
        }
        catch
        {
            ours.Dispose();
            throw;
        }
    }

    public static void GiveBack(MultiheadAttention theirs, DPMultiheadAttention ours, bool batchFirst)
    {
        using var scope = NewDisposeScope();
        var twins = Pair(theirs, ours, batchFirst);
        twins.CopyToTheirs(() =>
        {
            twins.RequireAgreement();
            twins.FindDropout(ours.Dropout, _ => { });
        });
    }

    /// <summary>The parameters of TorchSharp's attention that correspond to ours, given by their names.</summary>
    /// <param name="theirs">TorchSharp's layer, or one that has an attention inside.</param>
    /// <param name="ours">Our attention.</param>
    /// <param name="remaining">Parameters by name; those that are found are taken out.</param>
    /// <param name="prefix">What stands before the names.</param>
    /// <exception cref="ArgumentException">One is missing, or of another shape.</exception>
    public static IEnumerable<WeightPair> Weights(
        nn.Module theirs, DPMultiheadAttention ours, Dictionary<string, Parameter> remaining, string prefix = "")
    {
        var taken = new List<string>();
        foreach (var (name, parameter) in ours.named_parameters())
        {
            var (source, part) = SourceOf(name, remaining.ContainsKey($"{prefix}in_proj_weight"));
            if (!remaining.TryGetValue(prefix + source, out var whole))
                throw Twins.Different(theirs, "layer");
            taken.Add(prefix + source);
            if (part is { } third && whole.shape[0] != 3 * parameter.shape[0])
                throw Twins.Different(theirs, "layer");
            var other = part is { } i ? whole.detach().narrow(0, i * parameter.shape[0], parameter.shape[0]) : whole;
            if (!other.shape.SequenceEqual(parameter.shape))
                throw Twins.Different(theirs, "layer");
            yield return new(other, parameter, whole.requires_grad);
        }
        foreach (var name in taken)
            remaining.Remove(name);
    }

    /// <summary>The numbers that divide a number.</summary>
    public static IEnumerable<long> Divisors(long number) =>
        Enumerable.Range(1, (int)number).Select(i => (long)i).Where(i => number % i == 0);

    /// <summary>TorchSharp's name of one of our parameters, and which third of it ours is.</summary>
    private static (string Name, int? Part) SourceOf(string name, bool packed)
    {
        if (name is "bias_k.row" or "bias_v.row")
            return (name[..^".row".Length], null);
        var part = Array.IndexOf(["q_proj", "k_proj", "v_proj"], name.Split('.')[0]);
        if (part < 0)
            return (name, null);
        if (name.EndsWith(".bias", StringComparison.Ordinal))
            return ("in_proj_bias", part);
        return packed ? ("in_proj_weight", part) : (name.Replace('.', '_'), null);
    }

    private static Twins Pair(MultiheadAttention theirs, DPMultiheadAttention ours, bool batchFirst)
    {
        var remaining = theirs.named_parameters().ToDictionary(p => p.name, p => p.parameter);
        var pairs = Weights(theirs, ours, remaining).ToList();
        if (remaining.Count > 0)
            throw Twins.Different(theirs, "layer");
        using var generator = new Generator(1);
        var sizes = new[] { "q_proj", "k_proj", "v_proj" }.Select(name => ours.get_parameter($"{name}.weight")!.shape[1]).ToArray();
        if (sizes[1] != sizes[2])
            throw new ArgumentException("TorchSharp cannot run an attention whose kdim and vdim differ, so ours cannot be checked against it.", "attention");
        var like = pairs[0].Ours;
        Tensor Some(long steps, long features) => randn([steps, 1, features], generator: generator).to(like.dtype).to(like.device);
        var inputs = new[] { Some(3, sizes[0]), Some(4, sizes[1]), Some(4, sizes[2]) };
        var faced = batchFirst ? Array.ConvertAll(inputs, t => t.transpose(0, 1)) : inputs;
        return new Twins(theirs, ours, pairs, RunTheirs, RunOurs);

        IReadOnlyList<Tensor> RunTheirs()
        {
            var (output, weights) = theirs.call(inputs[0], inputs[1], inputs[2]);
            return [output, weights];
        }

        IReadOnlyList<Tensor> RunOurs()
        {
            var (output, weights) = ours.forward(faced[0], faced[1], faced[2], null, true, null);
            return [batchFirst ? output.transpose(0, 1) : output, weights!];
        }
    }
}
