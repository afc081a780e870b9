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

    [Theory]
    [InlineData(20, 0)]
    [InlineData(20, 2)]
    [InlineData(8, 0)]
    public void Positions_of_all_examples_are_refused_even_if_there_are_as_many_examples(long steps, long first)
    {
        using var scope = NewDisposeScope();
        var model = new Positioned(steps + first, tokens => arange(first, first + tokens.shape[1]));
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        foreach (var batch in new[] { steps, steps + 1 })
        {
            optimizer.zero_grad();
            model.call(LayerCase.Tokens(batch, 9, steps)).sum().backward();
            optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*layer 'positions'*arange(steps).expand(examples, steps)*");
        }
        optimizer.Steps.Should().Be(0);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(20)]
    public void Positions_that_go_in_once_for_each_example_are_those_of_a_loop(long batch)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = new Positioned(20, tokens => arange(tokens.shape[1]).expand(tokens.shape)).to(ScalarType.Float64);
        var tokens = LayerCase.Tokens(batch, 9, 20);
        var parameters = model.parameters().ToList();
        Tensor Losses(Tensor input) => model.call(input).square().flatten(1).sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(parameters, MicrobatchLoop.Consecutive(batch, 1), i => Losses(tokens.narrow(0, i, 1)).sum(), 1);
        var actual = PrivateStep.Gradient(
            model, parameters, new() { L2NormClip = 1, NoiseMultiplier = 0 }, optimizer => optimizer.step(() => Losses(tokens)));
        TensorAssert.AreClose(actual.Select(g => g * batch).ToList(), expected, 1e-12);
    }

    [Fact]
    public void A_token_of_each_example_may_follow_that_of_the_one_before()
    {
        using var scope = NewDisposeScope();
        var model = Embedding(30, 2);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private);
        foreach (var tokens in new[] { arange(30).unsqueeze(1), arange(5), arange(30).flip(0), cat([arange(29), zeros(1, ScalarType.Int64)], 0) })
        {
            optimizer.zero_grad();
            model.call(tokens).sum().backward();
            optimizer.step();
        }
        optimizer.Steps.Should().Be(4);
    }

    private sealed class Positioned : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _tokens = Embedding(9, 4);
        private readonly Module<Tensor, Tensor> _positions;
        private readonly Func<Tensor, Tensor> _positionsOf;

        public Positioned(long steps, Func<Tensor, Tensor> positionsOf)
            : base(nameof(Positioned))
        {
            _positions = Embedding(steps, 4);
            _positionsOf = positionsOf;
            register_module("tokens", _tokens);
            register_module("positions", _positions);
        }

        public override Tensor forward(Tensor input) => _tokens.call(input) + _positions.call(_positionsOf(input));
    }
}
