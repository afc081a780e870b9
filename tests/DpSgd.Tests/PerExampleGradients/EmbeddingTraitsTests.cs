using DpSgd.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.PerExampleGradients;

public class EmbeddingTraitsTests
{
    public static TheoryData<string, Func<Module>, long?, EmbeddingBagMode> Layers => new()
    {
        { "plain", () => Embedding(4, 3), null, EmbeddingBagMode.Sum },
        { "padded", () => Embedding(4, 3, padding_idx: 3), 3, EmbeddingBagMode.Sum },
        { "from behind", () => Embedding(4, 3, padding_idx: -4), 0, EmbeddingBagMode.Sum },
        { "sparse", () => Embedding(4, 3, padding_idx: 1, sparse: true), 1, EmbeddingBagMode.Sum },
        { "one row", () => Embedding(1, 3), null, EmbeddingBagMode.Sum },
        { "pretrained", () => Embedding_from_pretrained(randn(5, 2), freeze: true, padding_idx: 2), 2, EmbeddingBagMode.Sum },
        { "bag", () => EmbeddingBag(4, 3), null, EmbeddingBagMode.Mean },
        { "padded bag", () => EmbeddingBag(4, 3, padding_index: 0), 0, EmbeddingBagMode.Mean },
        { "sum", () => EmbeddingBag(4, 3, mode: EmbeddingBagMode.Sum), null, EmbeddingBagMode.Sum },
        { "padded sum", () => EmbeddingBag(4, 3, mode: EmbeddingBagMode.Sum, padding_index: 1), 1, EmbeddingBagMode.Sum },
        { "max", () => EmbeddingBag(4, 3, mode: EmbeddingBagMode.Max), null, EmbeddingBagMode.Max },
        { "sum of one row", () => EmbeddingBag(1, 3, mode: EmbeddingBagMode.Sum), null, EmbeddingBagMode.Sum },
        { "mean of one row and padding", () => EmbeddingBag(2, 3, padding_index: 1), 1, EmbeddingBagMode.Mean },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void They_are_found_out_and_the_layer_stays_as_it_was(string name, Func<Module> make, long? padding, EmbeddingBagMode mode)
    {
        name.Should().NotBeEmpty();
        using var scope = NewDisposeScope();
        var layer = make();
        var weight = layer.parameters().Single();
        var trained = weight.requires_grad;
        var before = Toy.Weights(layer);

        EmbeddingProbe.ShortensRows(layer).Should().BeFalse();
        var traits = EmbeddingTraits.Of(layer);

        traits.PaddingIndex.Should().Be(padding);
        traits.Mode.Should().Be(mode);
        traits.ScalesByFrequency.Should().BeFalse();
        layer.ShouldBeUnchanged(before);
        weight.requires_grad.Should().Be(trained);
        (weight.grad is null).Should().BeTrue();
        EmbeddingTraits.Of(layer).Should().BeSameAs(traits);
    }

    [Fact]
    public void A_gradient_that_was_there_stays()
    {
        using var scope = NewDisposeScope();
        var layer = Embedding(4, 3);
        layer.call(tensor(new long[] { 1 })).sum().backward();
        EmbeddingTraits.Of(layer).PaddingIndex.Should().BeNull();
        layer.parameters().Single().grad!.sum().ToDouble().Should().Be(3);
    }

    public static TheoryData<string, Func<Module>> Refused => new()
    {
        { "has max_norm", () => Embedding(4, 3, max_norm: 1) },
        { "has max_norm", () => EmbeddingBag(4, 3, max_norm: 1) },
        { "has max_norm", () => Embedding_from_pretrained(ones(4, 3), freeze: true, max_norm: 1) },
        { "was made from_pretrained", () => Embedding_from_pretrained(ones(4, 3), freeze: false) },
        { "was made from_pretrained", () => EmbeddingBag_from_pretrained(ones(4, 3)) },
        { "has scale_grad_by_freq", () => Embedding(4, 3, scale_grad_by_freq: true) },
        { "has scale_grad_by_freq", () => EmbeddingBag(4, 3, scale_grad_by_freq: true, mode: EmbeddingBagMode.Sum) },
        { "has mode Max", () => EmbeddingBag(4, 3, mode: EmbeddingBagMode.Max) },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public void What_is_not_exact_is_refused_by_path(string message, Func<Module> make)
    {
        using var scope = NewDisposeScope();
        var layer = make();
        var before = Toy.Weights(layer);
        var model = new Holder(layer, Linear(3, 2));
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private))
            .Should().Throw<ArgumentException>().WithMessage($"*'held' is a {layer.GetType().Name}, which {message}*");
        layer.ShouldBeUnchanged(before);
    }

    [Fact]
    public void A_frozen_layer_may_reduce_as_it_likes()
    {
        using var scope = NewDisposeScope();
        var layer = EmbeddingBag(4, 3, mode: EmbeddingBagMode.Max);
        layer.parameters().Single().requires_grad = false;
        var model = new Holder(layer, Linear(3, 2));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        optimizer.parameters().Count(p => p.requires_grad).Should().Be(2);
    }

    private sealed class Holder : Module<Tensor, Tensor>
    {
        public Holder(Module held, Module other)
            : base(nameof(Holder))
        {
            register_module(nameof(held), held);
            register_module(nameof(other), other);
        }

        public override Tensor forward(Tensor input) => input.alias();
    }
}
