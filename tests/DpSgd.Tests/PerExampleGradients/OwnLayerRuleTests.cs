using DpSgd.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>Rules that users write for modules of their own.</summary>
public class OwnLayerRuleTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_model_with_an_own_layer_trains_as_the_loop_says(int microbatch)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var scale = new Scale(4);
        // Twice the same layer, and layers with rules of ours around it.
        var model = Sequential(("first", Linear(5, 4)), ("scale", scale), ("activation", Tanh()), ("again", scale), ("last", Linear(4, 2))).to(ScalarType.Float64);
        var parameters = model.parameters().ToList();
        var x = randn([7, 3, 5], dtype: ScalarType.Float64);
        Tensor Losses(Tensor input) => model.call(input).square().flatten(1).sum(dim: 1L);
        var microbatches = MicrobatchLoop.Consecutive(7, microbatch).ToList();
        var expected = MicrobatchLoop.ClippedSum(parameters, microbatches, i => Losses(x.narrow(0, i, 1)).sum(), 1);

        var options = new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0, MicrobatchSize = microbatch, LayerRules = [new ScaleRule()] };
        var actual = PrivateStep.Gradient(model, parameters, options, optimizer => optimizer.step(() => Losses(x)));

        TensorAssert.AreClose(actual.Select(g => g * microbatches.Count).ToList(), expected, 1e-12);
    }

    [Fact]
    public void Without_its_rule_the_layer_is_refused_and_the_message_says_what_there_is()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("scale", new Scale(4)), ("last", Linear(4, 2)));
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private))
            .Should().Throw<ArgumentException>()
            .WithMessage("*'scale' is a Scale, which has trained parameters (_scale)*DPOptimizerOptions.LayerRules*rules for: Linear*ConvTranspose3d*Embedding*InstanceNorm3d*");
    }

    [Fact]
    public void An_own_rule_goes_before_ours()
    {
        using var scope = NewDisposeScope();
        var model = Linear(3, 2, hasBias: false);
        var options = Toy.NoPrivacy with
        {
            LayerRules = [new RuleFor<TorchSharp.Modules.Linear>((_, gradient) => full([gradient.shape[0], 2, 3], 5f))],
        };
        var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), options, optimizer =>
        {
            model.call(randn(4, 3)).sum().backward();
            optimizer.step();
        });
        gradient.Single().eq(20).all().ToBoolean().Should().BeTrue();
    }

    public static TheoryData<string, Func<Tensor, Tensor>> WrongShapes => new()
    {
        { "*shape [6, 4]*5 examples have shape [5, 4]*", gradient => zeros(6, 4) },
        { "*shape [5, 1]*5 examples have shape [5, 4]*", gradient => zeros(5, 1) },
        { "*gave for parameter '_scale' null*", gradient => null! },
    };

    [Theory]
    [MemberData(nameof(WrongShapes))]
    public void A_gradient_of_the_wrong_shape_stops_the_step(string message, Func<Tensor, Tensor> gradients)
    {
        using var scope = NewDisposeScope();
        var model = Sequential(new Scale(4));
        var ledger = new RecordingAccountant();
        var options = Toy.Private with { LayerRules = [new RuleFor<Scale>((_, gradient) => gradients(gradient))], Accountant = ledger };
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, options);
        model.call(randn(5, 4)).sum().backward();
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage(message);
        ledger.Events.Should().BeEmpty();
    }

    [Fact]
    public void A_layer_may_hand_on_what_it_was_given()
    {
        using var scope = NewDisposeScope();
        var passing = new Passing();
        var model = Sequential(("first", Linear(4, 4)), ("residual", new Residual(passing)));
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 1), model, Toy.Private with { LayerRules = [new RuleFor<Passing>((_, gradient) => zeros_like(gradient).sum(dim: 1L, keepdim: true))] });
        model.call(randn(5, 4)).sum().backward();
        optimizer.step();
        optimizer.Steps.Should().Be(1);
    }

    [Fact]
    public void A_rule_may_answer_with_the_gradient_that_it_was_given()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var shift = new Shift(4);
        var model = Sequential(("first", Linear(5, 4)), ("shift", shift), ("activation", Tanh()), ("again", shift)).to(ScalarType.Float64);
        var parameters = model.parameters().ToList();
        var x = randn([7, 5], dtype: ScalarType.Float64);
        Tensor Losses(Tensor input) => model.call(input).square().sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(parameters, MicrobatchLoop.Consecutive(7, 1), i => Losses(x.narrow(0, i, 1)).sum(), 1);
        var rule = new RuleFor<Shift>((_, gradient) => gradient);
        LayerRuleCheck.Check(rule, new Shift(4), randn(3, 4));
        var actual = PrivateStep.Gradient(
            model, parameters, new() { L2NormClip = 1, NoiseMultiplier = 0, LayerRules = [rule] }, optimizer => optimizer.step(() => Losses(x)));
        TensorAssert.AreClose(actual.Select(g => g * 7).ToList(), expected, 1e-12);
    }

    [Theory]
    [InlineData(true, "*'layer' put out a tensor of shape [1, 4] for 5 examples*first dimension must be the example*")]
    [InlineData(false, "*'layer' put out a tensor of shape [] for 5 examples*first dimension must be the example*")]
    public void A_layer_that_joins_the_examples_is_refused(bool keepsRow, string message)
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("layer", new Pooling(4, keepsRow)));
        var options = Toy.Private with { LayerRules = [new RuleFor<Pooling>((_, gradient) => ones(gradient.dim() > 0 ? gradient.shape[0] : 1, 4))] };
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, options);
        model.call(randn(5, 4)).sum().backward();
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage(message);
    }

    [Fact]
    public void A_gradient_of_another_type_stops_the_step()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(new Scale(4)).to(ScalarType.BFloat16);
        using var optimizer = new DPOptimizer(
            optim.SGD(model.parameters(), 1), model, Toy.Private with { LayerRules = [new RuleFor<Scale>((x, gradient) => (x[0]! * gradient).to(ScalarType.BFloat16))] });
        model.call(randn(5, 4).to(ScalarType.BFloat16)).sum().backward();
        optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*'_scale' numbers of type BFloat16*of Float32*to(outputGradient.dtype)*");
    }

    private sealed class Passing : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter _unused = Parameter(ones(1));

        public Passing()
            : base(nameof(Passing)) => RegisterComponents();

        public override Tensor forward(Tensor input) => input;
    }

    private sealed class Residual : Module<Tensor, Tensor>
    {
        private readonly Module<Tensor, Tensor> _inner;

        public Residual(Module<Tensor, Tensor> inner)
            : base(nameof(Residual))
        {
            _inner = inner;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _inner.call(input) + input;
    }

    private sealed class Shift : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter _shift;

        public Shift(long features)
            : base(nameof(Shift))
        {
            _shift = Parameter(randn(features));
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => input + _shift;
    }

    private sealed class Pooling : Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter _scale;
        private readonly bool _keepsRow;

        public Pooling(long features, bool keepsRow)
            : base(nameof(Pooling))
        {
            _scale = Parameter(ones(features));
            _keepsRow = keepsRow;
            RegisterComponents();
        }

        public override Tensor forward(Tensor input) => _keepsRow ? (input * _scale).sum(dim: 0L, keepdim: true) : (input * _scale).sum();
    }
}
