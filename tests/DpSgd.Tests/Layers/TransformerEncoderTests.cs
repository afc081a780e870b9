using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Layers;

/// <summary>Our Transformer encoders compute what TorchSharp's compute.</summary>
public class TransformerEncoderTests
{
    private const int Batch = 3, Steps = 5, Size = 12;

    [Theory]
    [InlineData(nn.Activations.ReLU, 3, false), InlineData(nn.Activations.GELU, 4, true), InlineData(nn.Activations.GELU, 1, false)]
    public void A_layer_gives_what_TorchSharp_gives(nn.Activations activation, int heads, bool batchFirst)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var theirs = nn.TransformerEncoderLayer(Size, heads, 20, 0.15, activation);
        theirs.eval();
        var ours = DPTransformerEncoderLayer.From(theirs, batchFirst: batchFirst);
        ours.training.Should().BeFalse();
        foreach (var (mask, theirMask, padding) in Masks())
        {
            Equal(x => theirs.call(x, theirMask!, padding!), x => ours.call(x, mask, padding), theirs, ours, batchFirst);
            Equal(x => theirs.call(x, theirMask!), x => ours.call(x, mask), theirs, ours, batchFirst);
        }
        Equal(x => theirs.call(x), x => nn.Sequential().append("encoder", ours).call(x), theirs, ours, batchFirst);
        var again = nn.TransformerEncoderLayer(Size, heads, 20, 0.15, activation);
        ours.CopyTo(again);
        again.eval();
        Equal(x => again.call(x), x => ours.call(x), again, ours, batchFirst);
    }

    [Theory]
    [InlineData(nn.Activations.ReLU, 1, false), InlineData(nn.Activations.GELU, 3, true)]
    public void An_encoder_gives_what_TorchSharp_gives(nn.Activations activation, int layers, bool batchFirst)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        using var layer = nn.TransformerEncoderLayer(Size, 3, 20, 0, activation);
        var theirs = nn.TransformerEncoder(layer, layers);
        var ours = DPTransformerEncoder.From(theirs, batchFirst: batchFirst);
        foreach (var training in new[] { true, false })
        {
            theirs.train(training);
            ours.train(training);
            foreach (var (mask, theirMask, padding) in Masks())
                Equal(x => theirs.call(x, theirMask!, padding!), x => ours.call(x, mask, padding), theirs, ours, batchFirst);
            Equal(x => theirs.call(x), x => nn.Sequential().append("encoder", ours).call(x), theirs, ours, batchFirst);
        }
        var made = new DPTransformerEncoder(new DPTransformerEncoderLayer(Size, 3, 20, 0, activation, batchFirst), layers);
        made.CopyTo(theirs);
        Equal(x => theirs.call(x), x => made.call(x), theirs, made, batchFirst);
    }

    [Fact]
    public void What_cannot_be_read_is_found_or_checked()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(2);
        var theirs = nn.TransformerEncoderLayer(Size, 3, 20, 0.25, nn.Activations.GELU);
        DPTransformerEncoderLayer.From(theirs, 3, 0.25);
        FluentActions.Invoking(() => DPTransformerEncoderLayer.From(theirs, nHead: 4)).Should().Throw<ArgumentException>().WithParameterName("nHead");
        FluentActions.Invoking(() => DPTransformerEncoderLayer.From(theirs, dropout: 0.2)).Should().Throw<ArgumentException>().WithParameterName("dropout");
        var ours = new DPTransformerEncoderLayer(Size, 3, 20, 0.25, nn.Activations.GELU);
        foreach (var other in new[]
        {
            nn.TransformerEncoderLayer(Size, 3, 20, 0.25, nn.Activations.ReLU), nn.TransformerEncoderLayer(Size, 4, 20, 0.25, nn.Activations.GELU),
            nn.TransformerEncoderLayer(Size, 3, 21, 0.25, nn.Activations.GELU), nn.TransformerEncoderLayer(Size, 3, 20, 0.2, nn.Activations.GELU),
        })
        {
            var before = Toy.Weights(other);
            ours.Invoking(o => o.CopyTo(other)).Should().Throw<ArgumentException>();
            other.ShouldBeUnchanged(before);
        }
    }

    [Fact]
    public void Copies_of_a_layer_are_alike_and_of_its_type()
    {
        using var scope = NewDisposeScope();
        var layer = new DPTransformerEncoderLayer(Size, 3, 20).to(ScalarType.Float64);
        var encoder = new DPTransformerEncoder(layer, 2);
        encoder.parameters().Should().HaveCount(2 * layer.parameters().Count());
        encoder.parameters().Zip(layer.parameters().Concat(layer.parameters()))
            .Should().OnlyContain(pair => pair.First.equal(pair.Second).all().ToBoolean() && pair.First.dtype == ScalarType.Float64);
        FluentActions.Invoking(() => new DPTransformerEncoder(layer, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("numLayers");
    }

    [Fact]
    public void Nothing_leaks()
    {
        // TorchSharp counts a tensor that has become a Parameter twice, and forgets it once.
        Leaks.Of(Use).Should().Be(Leaks.Of(Make));

        static void Make()
        {
            using var layer = nn.TransformerEncoderLayer(Size, 3, 20, 0.1);
            using var theirs = nn.TransformerEncoder(layer, 2);
            using var ourLayer = new DPTransformerEncoderLayer(Size, 3, 20);
            using var ours = new DPTransformerEncoder(ourLayer.Options, 2);
        }

        static void Use()
        {
            using var layer = nn.TransformerEncoderLayer(Size, 3, 20, 0.1);
            using var theirs = nn.TransformerEncoder(layer, 2);
            using var ourLayer = DPTransformerEncoderLayer.From(layer);
            using var ours = DPTransformerEncoder.From(theirs);
            ours.CopyTo(theirs);
            using var x = randn(Steps, Batch, Size);
            ours.call(x).Dispose();
        }
    }

    private static void Equal(Func<Tensor, Tensor> runTheirs, Func<Tensor, Tensor> runOurs, nn.Module theirs, nn.Module ours, bool batchFirst)
    {
        var x = randn(Steps, Batch, Size, requires_grad: true);
        var expected = Run(theirs, runTheirs);
        var actual = Run(ours, input => batchFirst ? runOurs(input.transpose(0, 1)).transpose(0, 1) : runOurs(input));
        TensorAssert.AreClose(actual, expected, 1e-5);

        List<Tensor> Run(nn.Module module, Func<Tensor, Tensor> run)
        {
            foreach (var leaf in module.parameters().Cast<Tensor>().Append(x))
                leaf.grad = null;
            var output = run(x);
            output.pow(3).sum().backward();
            return [output, x.grad!, module.parameters().Select(p => p.grad!.pow(2).sum()).Aggregate((sum, next) => sum + next)];
        }
    }

    /// <summary>Masks, TorchSharp's form of them (that adds booleans as 0 and 1), and padding.</summary>
    private static IEnumerable<(Tensor? Mask, Tensor? TheirMask, Tensor? Padding)> Masks()
    {
        var padding = tensor(new[] { false, false, false, false, false, false, false, false, true, true, false, true, true, true, true }).view(Batch, Steps);
        var looks = ones(Steps, Steps, dtype: ScalarType.Bool).triu_(1);
        var numbers = randn(Steps, Steps);
        yield return (null, null, null);
        yield return (null, null, padding);
        yield return (looks, zeros(Steps, Steps).masked_fill(looks, double.NegativeInfinity), padding);
        yield return (numbers, numbers, null);
    }
}
