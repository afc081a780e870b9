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
}
