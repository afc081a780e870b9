using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests.Layers;

/// <summary>Our attention computes what TorchSharp's computes, forward and backward.</summary>
public class AttentionEqualityTests
{
    private const int Batch = 3, Queries = 4, Keys = 5, Size = 12;

    [Theory]
    [InlineData(1, true, false, false, null, null)]
    [InlineData(3, true, false, false, null, null)]
    [InlineData(4, false, false, false, null, null)]
    [InlineData(3, true, true, false, null, null)]
    [InlineData(3, true, false, true, null, null)]
    [InlineData(2, true, true, true, null, null)]
    [InlineData(3, true, false, false, 7L, 7L)]
    [InlineData(6, false, true, true, 5L, 5L)]
    public void Outputs_weights_and_gradients_are_those_of_TorchSharp(int heads, bool bias, bool biasKv, bool zero, long? kdim, long? vdim)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var theirs = nn.MultiheadAttention(Size, heads, 0, bias, biasKv, zero, kdim, vdim);
        // TorchSharp's biases begin at zero, which would prove nothing.
        foreach (var p in theirs.parameters().Where(p => p.dim() == 1))
            nn.init.uniform_(p, -0.5, 0.5);
        foreach (var batchFirst in new[] { false, true })
        {
            var ours = DPMultiheadAttention.From(theirs, batchFirst: batchFirst);
            foreach (var training in new[] { false, true })
            {
                theirs.train(training);
                ours.train(training);
                foreach (var (padding, mask, theirMask) in Masks(heads))
                {
                    var inputs = new[] { randn(Queries, Batch, Size), randn(Keys, Batch, kdim ?? Size), randn(Keys, Batch, vdim ?? Size) };
                    foreach (var input in inputs)
                        input.requires_grad = true;
                    var expected = Run(inputs, theirs, (q, k, v) => theirs.call(q, k, v, padding, true, theirMask));
                    var actual = Run(inputs, ours, (q, k, v) =>
                    {
                        if (!batchFirst)
                            return ours.call(q, k, v, padding, true, mask)!;
                        var (output, weights) = ours.call(q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1), padding, true, mask);
                        return Tuple.Create(output.transpose(0, 1), weights!);
                    });
                    TensorAssert.AreClose(actual, expected, 1e-5);
                }
            }
        }

        // All gradients of the parameters, with what TorchSharp packs into one matrix taken apart and put together again.
        List<Tensor> Run(Tensor[] inputs, nn.Module module, Func<Tensor, Tensor, Tensor, Tuple<Tensor, Tensor>> call)
        {
            foreach (var leaf in module.parameters().Cast<Tensor>().Concat(inputs))
                leaf.grad = null;
            var (output, weights) = call(inputs[0], inputs[1], inputs[2]);
            (output.pow(3).sum() + weights.square().sum()).backward();
            var all = module.parameters().Select(p => p.grad!.pow(2).sum()).Aggregate((sum, next) => sum + next);
            return [output, weights, all, .. inputs.Select(i => i.grad!)];
        }
    }

    [Fact]
    public void Weights_go_there_and_back()
    {
        using var scope = NewDisposeScope();
        foreach (var (kdim, kv, zero) in new (long?, bool, bool)[] { (null, false, false), (7, true, true) })
        {
            var ours = new DPMultiheadAttention(Size, 3, 0.2, true, kv, zero, kdim, kdim);
            ours.to(ScalarType.Float64);
            var theirs = nn.MultiheadAttention(Size, 3, 0.2, true, kv, zero, kdim, kdim);
            theirs.to(ScalarType.Float64);
            ours.CopyTo(theirs);
            var again = DPMultiheadAttention.From(theirs);
            again.named_parameters().Select(p => p.name).Should().Equal(ours.named_parameters().Select(p => p.name));
            again.parameters().Zip(ours.parameters()).Should().OnlyContain(pair => pair.First.equal(pair.Second).all().ToBoolean());
            foreach (var other in new[]
            {
                nn.MultiheadAttention(Size, 2, 0.2, true, kv, zero, kdim, kdim), nn.MultiheadAttention(Size, 3, 0.1, true, kv, zero, kdim, kdim),
                nn.MultiheadAttention(Size, 3, 0.2, false, kv, zero, kdim, kdim), nn.MultiheadAttention(Size, 3, 0.2, true, !kv, zero, kdim, kdim),
                nn.MultiheadAttention(Size, 3, 0.2, true, kv, !zero, kdim, kdim), nn.MultiheadAttention(Size, 3, 0.2, true, kv, zero, 6, 6),
            })
            {
                other.to(ScalarType.Float64);
                var before = Toy.Weights(other);
                ours.Invoking(o => o.CopyTo(other)).Should().Throw<ArgumentException>();
                other.ShouldBeUnchanged(before);
            }
        }
    }

    [Fact]
    public void What_cannot_be_read_is_found_or_checked()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(2);
        var theirs = nn.MultiheadAttention(Size, 3, 0.15);
        DPMultiheadAttention.From(theirs, 3, 0.15);
        FluentActions.Invoking(() => DPMultiheadAttention.From(theirs, numHeads: 4)).Should().Throw<ArgumentException>().WithParameterName("numHeads");
        FluentActions.Invoking(() => DPMultiheadAttention.From(theirs, numHeads: 5)).Should().Throw<ArgumentException>().WithParameterName("numHeads");
        FluentActions.Invoking(() => DPMultiheadAttention.From(theirs, dropout: 0)).Should().Throw<ArgumentException>().WithParameterName("dropout");
        using (no_grad())
            theirs.named_parameters().Single(p => p.name == "in_proj_weight").parameter.zero_();
        FluentActions.Invoking(() => DPMultiheadAttention.From(theirs)).Should().Throw<ArgumentException>().WithMessage("*give it*");
    }

    [Fact]
    public void Wrong_arguments_are_named()
    {
        using var scope = NewDisposeScope();
        FluentActions.Invoking(() => new DPMultiheadAttention(0, 1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("embedDim");
        FluentActions.Invoking(() => new DPMultiheadAttention(12, 5)).Should().Throw<ArgumentException>().WithParameterName("numHeads");
        FluentActions.Invoking(() => new DPMultiheadAttention(12, 3, -1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("dropout");
        var layer = new DPMultiheadAttention(Size, 3);
        var x = randn(Queries, Batch, Size);
        layer.Invoking(l => l.call(x, x, x, zeros(Queries, Batch, dtype: ScalarType.Bool))).Should().Throw<ArgumentException>().WithMessage("*[3, 4]*");
        layer.Invoking(l => l.call(x, x, x, zeros(Batch, Queries))).Should().Throw<ArgumentException>().WithMessage("*booleans*");
        layer.Invoking(l => l.call(x, x, x, attn_mask: zeros(Queries, Keys))).Should().Throw<ArgumentException>().WithMessage("*[4, 4] or [9, 4, 4]*");
        layer.Invoking(l => l.call(x[0], x, x)).Should().Throw<ArgumentException>();
        layer.Invoking(l => l.call(x, x, x.narrow(0, 0, 2))).Should().Throw<ArgumentException>().WithMessage("*[3, 4, 12], [3, 4, 12], [3, 2, 12]*");
        layer.Invoking(l => l.call(x.narrow(1, 0, 1), x, x)).Should().Throw<ArgumentException>();
        layer.Invoking(l => l.call(x, randn(Queries, Batch, 5), x)).Should().Throw<ArgumentException>().WithMessage("*12 features*");
        layer.call(x, x, x, need_weights: false).Item2.Should().BeNull();
        // This TorchSharp makes, but cannot run.
        FluentActions.Invoking(() => DPMultiheadAttention.From(nn.MultiheadAttention(Size, 3, kdim: 5))).Should().Throw<ArgumentException>().WithMessage("*kdim*");
    }

    [Fact]
    public void Nothing_leaks()
    {
        // TorchSharp counts a tensor that has become a Parameter twice, and forgets it once.
        Leaks.Of(Use).Should().Be(Leaks.Of(Make));

        static void Make()
        {
            using var theirs = nn.MultiheadAttention(Size, 3, 0.1, add_bias_kv: true);
            using var ours = new DPMultiheadAttention(Size, 3, 0.1, addBiasKv: true);
        }

        static void Use()
        {
            using var theirs = nn.MultiheadAttention(Size, 3, 0.1, add_bias_kv: true);
            using var ours = DPMultiheadAttention.From(theirs);
            ours.CopyTo(theirs);
            using var x = randn(Queries, Batch, Size);
            using var ones = torch.ones(Queries, Queries, dtype: ScalarType.Bool);
            using var mask = ones.triu(1);
            var (output, weights) = ours.call(x, x, x, attn_mask: mask);
            output.Dispose();
            weights!.Dispose();
        }
    }

    [Fact]
    public void A_mask_may_differ_between_examples_and_heads()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var x = randn(Keys, Batch, Size);
        var theirs = nn.MultiheadAttention(Size, 1);
        var masks = randn(Batch, Keys, Keys);
        var (output, weights) = DPMultiheadAttention.From(theirs).call(x, x, x, attn_mask: masks);
        for (var i = 0; i < Batch; i++)
        {
            var one = x.narrow(1, i, 1);
            var (expected, expectedWeights) = theirs.call(one, one, one, attn_mask: masks[i]);
            TensorAssert.AreClose([output.narrow(1, i, 1), weights!.narrow(0, i, 1)], [expected, expectedWeights], 1e-5);
        }

        // Each head by itself may look at one key alone, another one for each head and example.
        var chosen = arange(Batch * 3).remainder(Keys);
        var looks = (arange(Keys).view(1, 1, -1) != chosen.view(-1, 1, 1)).expand(-1, Keys, -1);
        var (_, average) = new DPMultiheadAttention(Size, 3).call(x, x, x, attn_mask: looks);
        var alone = (arange(Keys).view(1, 1, -1) == chosen.view(-1, 1, 1)).to(ScalarType.Float32).view(Batch, 3, 1, Keys).mean([1]).expand(-1, Keys, -1);
        TensorAssert.AreClose([average!], [alone], 1e-6);
    }

    /// <summary>
    /// Every kind of both masks, and TorchSharp's mask: that adds booleans as 0 and 1, and refuses one mask for each example.
    /// No query is left without a key.
    /// </summary>
    private static IEnumerable<(Tensor? Padding, Tensor? Mask, Tensor? TheirMask)> Masks(int heads)
    {
        var padding = tensor(new[] { false, false, false, false, false, false, false, false, true, true, false, true, true, true, true }).view(Batch, Keys);
        var looks = ones(Queries, Keys, dtype: ScalarType.Bool).triu_(1);
        var infinite = zeros(Queries, Keys).masked_fill(looks, double.NegativeInfinity);
        var numbers = randn(Queries, Keys);
        yield return (null, null, null);
        yield return (padding, null, null);
        yield return (null, looks, infinite);
        yield return (padding, looks.to(ScalarType.Byte), infinite);
        yield return (padding, numbers, numbers);
        yield return (null, numbers.unsqueeze(0).expand(Batch * heads, -1, -1), numbers);
    }
}
