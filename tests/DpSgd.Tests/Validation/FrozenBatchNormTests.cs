using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.Tests.Validation;

/// <summary>Fine-tuning of a model with batch normalisation: frozen and in evaluation it maps each example by itself.</summary>
public class FrozenBatchNormTests
{
    [Fact]
    public void Clipped_sums_are_those_of_a_loop()
    {
        using var scope = NewDisposeScope();
        var (model, _) = Pretrained();
        var parameters = model.parameters().Where(p => p.requires_grad).ToList();
        var x = randn([5, 1, 6, 6], dtype: ScalarType.Float64) * 3;
        Tensor Losses(Tensor input) => model.call(input).square().sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(parameters, MicrobatchLoop.Consecutive(5, 1), i => Losses(x.narrow(0, i, 1)).sum(), 1);
        var actual = PrivateStep.Gradient(
            model, parameters, new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0 }, optimizer => optimizer.step(() => Losses(x)));
        TensorAssert.AreClose(actual.Select(g => g * 5).ToList(), expected, 1e-12);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(true, true)]
    public void It_is_refused_unless_frozen_and_in_evaluation(bool training, bool trained)
    {
        using var scope = NewDisposeScope();
        var (model, norm) = Pretrained();
        norm.train(training);
        foreach (var parameter in norm.parameters())
            parameter.requires_grad = trained;
        ModelValidator.Validate(model).Should().ContainSingle().Which.Instead.Should().Contain("call eval() on it");
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private))
            .Should().Throw<ArgumentException>().WithMessage("*'norm' is a BatchNorm2d, which mixes the examples*");
    }

    [Fact]
    public void Without_statistics_of_its_own_it_is_refused()
    {
        using var scope = NewDisposeScope();
        var model = Sequential(Linear(3, 4), BatchNorm1d(4, affine: false, track_running_stats: false));
        model.eval();
        ModelValidator.Validate(model).Should().ContainSingle();
    }

    [Fact]
    public void Put_in_training_mode_it_stops_the_pass_before_any_statistics_are_gathered()
    {
        using var scope = NewDisposeScope();
        var (model, norm) = Pretrained();
        var (mean, ledger) = (norm.running_mean!.clone(), new RecordingAccountant());
        using (var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private with { Accountant = ledger }))
        {
            var x = randn([5, 1, 6, 6], dtype: ScalarType.Float64);
            model.train();
            FluentActions.Invoking(() => model.call(x)).Should().Throw<InvalidOperationException>().WithMessage("*'norm' is a BatchNorm2d that is in training mode*eval()*");
            norm.running_mean.equal(mean).all().ToBoolean().Should().BeTrue();

            // Nor does it help to change the mode between the passes.
            model.eval();
            var loss = model.call(x).sum();
            norm.train();
            loss.backward();
            optimizer.Invoking(o => o.step()).Should().Throw<InvalidOperationException>().WithMessage("*'norm'*");
            ledger.Events.Should().BeEmpty();

            norm.eval();
            optimizer.step(() => model.call(x).square().sum(dim: 1L));
            ledger.Events.Should().ContainSingle();
        }
        model.train();
        model.call(randn([5, 1, 6, 6], dtype: ScalarType.Float64));   // without an optimizer it is free again
    }

    private static (Sequential Model, BatchNorm2d Norm) Pretrained()
    {
        random.manual_seed(1);
        var norm = BatchNorm2d(3);
        var model = Sequential(("conv", Conv2d(1, 3, 3)), ("norm", norm), ("act", ReLU()), ("flatten", Flatten()), ("last", Linear(48, 2))).to(ScalarType.Float64);
        for (var i = 0; i < 5; i++)
            model.call(randn([8, 1, 6, 6], dtype: ScalarType.Float64) + 1);
        foreach (var parameter in norm.parameters())
            parameter.requires_grad = false;
        model.eval();
        return (model, norm);
    }
}
