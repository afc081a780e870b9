using DpSgd.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

public class LayerRuleCheckTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float64)]
    [InlineData(ScalarType.BFloat16)]
    public void A_right_rule_passes_and_leaves_the_layer_alone(ScalarType type)
    {
        using var scope = NewDisposeScope();
        var layer = new Scale(4).to(type);
        var parameter = layer.parameters().Single();
        parameter.requires_grad = false;
        LayerRuleCheck.Check(new ScaleRule(), layer, randn(6, 4).to(type));
        LayerRuleCheck.Check(new ScaleRule(), layer, randn(2, 3, 5, 4).to(type));
        parameter.requires_grad.Should().BeFalse();
        (parameter.grad is null).Should().BeTrue();
    }

    [Fact]
    public void A_rule_is_given_what_it_will_be_given_in_training()
    {
        using var scope = NewDisposeScope();
        var layer = new Scale(4).to(ScalarType.BFloat16);
        var seen = new List<ScalarType>();
        var rule = new RuleFor<Scale>((x, g) =>
        {
            seen.AddRange([x[0]!.dtype, g.dtype]);
            return x[0]! * g;
        });
        LayerRuleCheck.Check(rule, layer, randn(6, 4).to(ScalarType.BFloat16));
        using var optimizer = new DPOptimizer(optim.SGD(layer.parameters(), 1), layer, Toy.Private with { LayerRules = [rule] });
        layer.call(randn(6, 4).to(ScalarType.BFloat16)).sum().backward();
        optimizer.step();
        seen.Should().HaveCount(4).And.OnlyContain(type => type == ScalarType.Float32);
    }

    [Fact]
    public void Layers_of_two_inputs_can_be_checked()
    {
        using var scope = NewDisposeScope();
        var layer = nn.Bilinear(2, 3, 4, hasBias: false, dtype: ScalarType.Float64);
        var inputs = new[] { randn(5, 2, dtype: ScalarType.Float64), randn(5, 3, dtype: ScalarType.Float64) };
        LayerRuleCheck.Check(new RuleFor<Bilinear>((x, g) => einsum("bo,bi,bj->boij", g, x[0]!, x[1]!)), layer, inputs);
        FluentActions.Invoking(() => LayerRuleCheck.Check(new RuleFor<Bilinear>((x, g) => einsum("bo,bi,bj->boij", g, x[0]!, x[1]!) * 1.001), layer, inputs))
            .Should().Throw<InvalidOperationException>().WithMessage("*wrong for parameter 'weight'*0.001*");
        FluentActions.Invoking(() => LayerRuleCheck.Check(new RuleFor<Bilinear>((x, g) => einsum("bo,bi,bj->boij", g, x[0]!, x[1]!) * (1 + 1e-8)), layer, inputs))
            .Should().Throw<InvalidOperationException>("in double precision that is no rounding").WithMessage("*wrong for parameter 'weight'*");
    }

    public static TheoryData<string, Func<Tensor, Tensor, Tensor>> WrongRules => new()
    {
        { "*differs*", (x, g) => (x * g).sum(dim: 1L) * 1.01 },
        { "*differs*", (x, g) => (x * g).sum(dim: 1L).flip(0) },
        { "*differs*", (x, g) => (x * g).mean(new[] { 1L }) },
        { "*differs*", (x, g) => (x * g).sum(dim: 1L) * double.NaN },
        { "*shape [5]*", (x, g) => (x * g).sum(dim: [1, 2]) },
    };

    [Theory]
    [MemberData(nameof(WrongRules))]
    public void A_wrong_rule_is_told_with_the_difference(string message, Func<Tensor, Tensor, Tensor> rule)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        FluentActions.Invoking(() => LayerRuleCheck.Check(new RuleFor<Scale>((x, g) => rule(x[0]!, g)), new Scale(4), randn(5, 3, 4)))
            .Should().Throw<InvalidOperationException>().WithMessage(message).WithMessage("*'_scale'*");
    }

    [Fact]
    public void A_layer_that_mixes_examples_is_told()
    {
        using var scope = NewDisposeScope();
        FluentActions.Invoking(() => LayerRuleCheck.Check(new RuleFor<BatchNorm1d>((x, g) => g), nn.BatchNorm1d(4), randn(5, 4, 3)))
            .Should().Throw<InvalidOperationException>().WithMessage("BatchNorm1d gives another output for an example alone*");
    }

    [Fact]
    public void Arguments_that_prove_nothing_are_refused()
    {
        using var scope = NewDisposeScope();
        void Refused(string name, Action act) => act.Should().Throw<ArgumentException>().WithParameterName(name);
        Refused("inputs", () => LayerRuleCheck.Check(new ScaleRule(), new Scale(4)));
        Refused("inputs", () => LayerRuleCheck.Check(new ScaleRule(), new Scale(4), randn(1, 4)));
        Refused("inputs", () => LayerRuleCheck.Check(new ScaleRule(), new Scale(4), randn(3, 4), randn(2, 4)));
        Refused("inputs", () => LayerRuleCheck.Check(new ScaleRule(), new Scale(4), randn(3, 4), randn(3, 4)));
        Refused("layer", () => LayerRuleCheck.Check(new RuleFor<LayerNorm>((x, g) => g), nn.LayerNorm(4, elementwise_affine: false), randn(3, 4)));
        Refused("rule", () => LayerRuleCheck.Check(null!, new Scale(4), randn(3, 4)));
        Refused("layer", () => LayerRuleCheck.Check(new ScaleRule(), null!, randn(3, 4)));
    }
}
