using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>Uses of layers for which a rule would not be exact.</summary>
public class LayerRuleRefusalTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Statistics_of_the_data_are_refused(bool affine)
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("first", Conv2d(1, 2, 3)), ("norm", InstanceNorm2d(2, affine: affine, track_running_stats: true)));
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private))
            .Should().Throw<ArgumentException>().WithMessage("*'norm' is a InstanceNorm2d, which keeps statistics of the data*track_running_stats: false*");
    }

    public static TheoryData<string, Func<Module<Tensor, Tensor>>, long[]> Unbatched => new()
    {
        { "the examples normalised together", () => LayerNorm([6, 4]), [6, 4] },
        { "one image", () => Conv2d(3, 2, 2), [3, 5, 5] },
        { "one image", () => ConvTranspose1d(3, 2, 2), [3, 5] },
        { "one image", () => InstanceNorm2d(3, affine: true), [3, 5, 5] },
    };

    [Theory]
    [MemberData(nameof(Unbatched))]
    public void Inputs_without_a_dimension_of_examples_are_refused(string what, Func<Module<Tensor, Tensor>> make, long[] shape)
    {
        what.Should().NotBeEmpty();
        using var scope = NewDisposeScope();
        var model = Sequential(("layer", make()));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        FluentActions.Invoking(() => model.call(randn(shape)))
            .Should().Throw<InvalidOperationException>().WithMessage("*'layer' got an input of shape*first dimension must be the example*");
    }

    [Fact]
    public void Bags_one_behind_the_other_are_refused()
    {
        using var scope = NewDisposeScope();
        var model = EmbeddingBag(5, 3);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        FluentActions.Invoking(() => model.call(tensor(new long[] { 1, 2, 3 }), tensor(new long[] { 0, 2 })))
            .Should().Throw<InvalidOperationException>().WithMessage("*first dimension must be the example*");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_change_of_any_input_in_place_before_the_step_is_refused(int which)
    {
        using var scope = NewDisposeScope();
        var model = Bilinear(3, 4, 2);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        var inputs = new[] { randn(5, 3), randn(5, 4) };
        var loss = model.call(inputs[0], inputs[1]).sum();
        inputs[which].add_(1);
        loss.backward();
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*changed in place before the step*");
    }

    [Fact]
    public void A_change_of_tokens_in_place_before_the_step_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Embedding(9, 2);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        var tokens = LayerCase.Tokens(5, 8, 3);
        var loss = model.call(tokens).sum();
        tokens.add_(1);
        loss.backward();
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*changed in place before the step*");
    }
}
