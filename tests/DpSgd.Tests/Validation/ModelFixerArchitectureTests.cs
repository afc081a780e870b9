using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Validation;

/// <summary>Models that cannot be trained privately, fixed, and then trained.</summary>
public class ModelFixerArchitectureTests
{
    public static TheoryData<string> Names => [.. Architectures.All.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_fixed_model_trains(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var (make, inputs, label) = Architectures.All[name];
        var model = make();
        var problems = ModelValidator.Validate(model);
        problems.Should().NotBeEmpty();
        var refusal = FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private)).Should().Throw<ArgumentException>().Which.Message;
        problems.Should().OnlyContain(problem => refusal.Contains(problem.ToString()), "the refusal lists all");
        refusal.Should().Contain("ModelFixer.Fix");

        var fix = ModelFixer.Fix(model);

        fix.Remaining.Should().BeEmpty();
        fix.Replaced.Select(r => r.Path).Should().Equal(problems.Select(p => p.Path));
        ModelValidator.Validate(model).Should().BeEmpty();

        var x = inputs(64, ScalarType.Float32);
        var y = label(x);
        using var optimizer = new DPOptimizer(
            optim.Adam(model.parameters(), 0.01), model,
            new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0.5, Noise = NoiseSource.SeededForTests(1) });
        var losses = new List<double>();
        for (var step = 0; step < 40; step++)
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            var loss = functional.cross_entropy(model.call(x), y);
            loss.backward();
            optimizer.step();
            losses.Add(loss.ToDouble());
        }
        losses.TakeLast(5).Average().Should().BeLessThan(0.8 * losses.Take(3).Average());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Clipped_sums_of_a_fixed_model_are_those_of_a_loop(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(4);
        var (make, inputs, label) = Architectures.All[name];
        var model = make();
        ModelFixer.Fix(model).Remaining.Should().BeEmpty();
        model.to(ScalarType.Float64);
        var parameters = model.parameters().ToList();
        var x = inputs(6, ScalarType.Float64);
        var y = label(x);
        Tensor Losses(Tensor input, Tensor target) => functional.cross_entropy(model.call(input), target, reduction: Reduction.None);
        var expected = MicrobatchLoop.ClippedSum(
            parameters, MicrobatchLoop.Consecutive(6, 1), i => Losses(x.narrow(0, i, 1), y.narrow(0, i, 1)).sum(), 1);

        var actual = PrivateStep.Gradient(
            model, parameters, new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0 }, optimizer => optimizer.step(() => Losses(x, y)));

        TensorAssert.AreClose(actual.Select(g => g * 6).ToList(), expected, 1e-10);
    }
}
