using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Validation;

public class ModelValidatorTests
{
    [Fact]
    public void All_problems_are_listed_at_once()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(
            ("body", Sequential(("norm", BatchNorm2d(4)), ("act", ReLU(inplace: true)), ("own", new Scale(3)))),
            ("instance", InstanceNorm2d(4, track_running_stats: true)),
            ("encoder", TransformerEncoderLayer(8, 2, 8)),
            ("half", Linear(3, 2, dtype: ScalarType.Float16)),
            ("good", Linear(3, 2)));
        ModelValidator.Validate(model).Should().BeEquivalentTo(
            new (string Path, string Type, string Reason, string Instead)[]
            {
                ("body.norm", "BatchNorm2d", "*mixes the examples*", "*GroupNorm*"),
                ("body.act", "ReLU", "*in place*", "*inplace: false*"),
                ("body.own", "Scale", "*(_scale) and no layer rule*", "*LayerRules*PerMicrobatchBackward*"),
                ("instance", "InstanceNorm2d", "*statistics*", "*track_running_stats: false*"),
                ("encoder", "TransformerEncoderLayer", "*(self_attn.in_proj_weight, * and 9 more) and no layer rule*", "put DPTransformerEncoderLayer in its place"),
                ("half.weight", "Parameter", "*Float16*", "*Float32*"),
                ("half.bias", "Parameter", "*Float16*", "*Float32*"),
            },
            options => options.Using<string>(match => match.Subject.Should().Match(match.Expectation)).WhenTypeIs<string>()
                .ComparingByMembers<ModelProblem>().ExcludingMissingMembers());
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private)).Should().Throw<ArgumentException>()
            .WithParameterName("model").WithMessage("*'body.norm'*'body.act'*'body.own'*'instance'*'encoder'*'half.weight'*'half.bias'*");
    }

    [Fact]
    public void Options_make_more_models_possible()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("own", new Scale(3)), ("act", ReLU(inplace: true)), ("norm", BatchNorm1d(3)));
        IEnumerable<string> Paths(DPOptimizerOptions? options) => ModelValidator.Validate(model, options).Select(p => p.Path);
        Paths(null).Should().BeEquivalentTo("own", "act", "norm");
        Paths(Toy.Private with { LayerRules = [new ScaleRule()] }).Should().BeEquivalentTo("act", "norm");
        Paths(Toy.Private with { PerMicrobatchBackward = true }).Should().BeEquivalentTo("norm");
    }

    [Fact]
    public void What_is_frozen_may_be_of_any_kind()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(("own", new Scale(3)), ("encoder", TransformerEncoderLayer(8, 2, 8)), ("last", Linear(3, 2)));
        ModelValidator.Validate(model).Should().HaveCount(2);
        foreach (var parameter in model.parameters().SkipLast(2))
            parameter.requires_grad = false;
        ModelValidator.Validate(model).Should().BeEmpty();
    }

    [Fact]
    public void A_model_without_a_typed_call_is_a_problem()
    {
        using var scope = NewDisposeScope();
        var model = ModuleList<Module>(Linear(3, 2));
        ModelValidator.Validate(model).Should().ContainSingle().Which.ToString().Should().Contain("no typed call");
    }

    [Fact]
    public void A_good_model_has_no_problem_and_stays_as_it_is()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(Embedding(9, 4, padding_idx: 0), Linear(4, 4), ReLU(), LayerNorm(4), Linear(4, 2));
        var before = Toy.Weights(model);
        ModelValidator.Validate(model).Should().BeEmpty();
        model.ShouldBeUnchanged(before);
        FluentActions.Invoking(() => ModelValidator.Validate(null!)).Should().Throw<ArgumentNullException>().WithParameterName("model");
    }
}
