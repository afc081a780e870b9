using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>For each rule: a layer used twice in one pass, not used at all, frozen in part, and with non-finite gradients.</summary>
public class LayerUseTests
{
    public static TheoryData<string> Layers => [.. LayerCases.All.Keys];

    public static TheoryData<string> LayersOfTwoParameters =>
        [.. LayerCases.All.Where(layer => layer.Value.Layer().parameters().Count() > 1).Select(layer => layer.Key)];

    public static TheoryData<string> LayersOfEmptyBatches => [.. LayerCases.All.Keys];

    [Theory]
    [MemberData(nameof(Layers))]
    public void A_layer_used_twice_is_clipped_as_one(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        var (makeLayer, makeInputs) = LayerCases.All[name];
        var model = new Twice(makeLayer().to(ScalarType.Float64), unused: makeLayer().to(ScalarType.Float64));
        var parameters = model.parameters().ToList();
        var (first, second) = (makeInputs(6, ScalarType.Float64), makeInputs(6, ScalarType.Float64));
        Tensor Losses(Tensor examples) => model.Use(
            examples,
            Array.ConvertAll(first, input => input?.index_select(0, examples)),
            Array.ConvertAll(second, input => input?.index_select(0, examples)));
        var expected = MicrobatchLoop.ClippedSum(parameters, MicrobatchLoop.Consecutive(6, 2), i => Losses(tensor(new[] { i })).sum(), 0.5);

        var actual = PrivateStep.Gradient(model, parameters, new() { L2NormClip = 0.5, NoiseMultiplier = 0, MicrobatchSize = 2 }, optimizer =>
            optimizer.step(() => Losses(arange(6))));

        TensorAssert.AreClose(actual.Select(g => g * 3).ToList(), expected, 1e-12);
        actual.Skip(actual.Count / 2).Should().OnlyContain(g => g.eq(0).all().ToBoolean(), "the other layer is not used");
    }

    [Theory]
    [MemberData(nameof(LayersOfTwoParameters))]
    public void A_frozen_parameter_does_not_count(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        var (makeLayer, makeInputs) = LayerCases.All[name];
        var layer = makeLayer().to(ScalarType.Float64);
        var inputs = makeInputs(6, ScalarType.Float64);
        var frozen = layer.parameters().First();
        frozen.requires_grad = false;
        var rest = layer.parameters().Skip(1).ToList();
        Tensor Losses(Tensor examples) => LayerCase.Call(layer, Array.ConvertAll(inputs, input => input?.index_select(0, examples))).square().flatten(1).sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(rest, MicrobatchLoop.Consecutive(6, 1), i => Losses(tensor(new[] { i })).sum(), 0.5);

        var actual = PrivateStep.Gradient(layer, rest, new() { L2NormClip = 0.5, NoiseMultiplier = 0 }, optimizer =>
            optimizer.step(() => Losses(arange(6))));

        TensorAssert.AreClose(actual.Select(g => g * 6).ToList(), expected, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Layers))]
    public void An_example_with_a_non_finite_gradient_contributes_zero(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        var (makeLayer, makeInputs) = LayerCases.All[name];
        var layer = makeLayer().to(ScalarType.Float64);
        var parameters = layer.parameters().ToList();
        var inputs = makeInputs(4, ScalarType.Float64);
        Tensor Losses(Tensor?[] input) => LayerCase.Call(layer, input).square().flatten(1).sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(
            parameters, new long[][] { [0], [2], [3] }, i => Losses(Array.ConvertAll(inputs, input => input?.narrow(0, i, 1))).sum(), 0.5);

        var actual = PrivateStep.Gradient(layer, parameters, new() { L2NormClip = 0.5, NoiseMultiplier = 0 }, optimizer =>
        {
            optimizer.step(() => Losses(inputs) * tensor(new[] { 1, double.NaN, 1, 1 }));
            optimizer.NonFiniteExamples.Should().Be(1);
        });

        TensorAssert.AreClose(actual.Select(g => g * 4).ToList(), expected, 1e-12);
    }

    [Theory]
    [MemberData(nameof(LayersOfEmptyBatches))]
    public void An_empty_batch_is_a_step(string name)
    {
        using var scope = NewDisposeScope();
        var (makeLayer, makeInputs) = LayerCases.All[name];
        var layer = makeLayer();
        var inputs = Array.ConvertAll(makeInputs(2, ScalarType.Float32), input => input?.narrow(0, 0, 0));
        using var optimizer = new DPOptimizer(optim.SGD(layer.parameters(), 1), layer, Toy.Private with { Sampling = new PoissonSampling(0.1, 20) });
        LayerCase.Call(layer, inputs).square().sum().backward();
        optimizer.step();
        optimizer.Steps.Should().Be(1);
    }

    /// <summary>Calls one layer twice, and another not at all.</summary>
    private sealed class Twice : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module _layer;
        private Tensor?[] _first = [];
        private Tensor?[] _second = [];

        public Twice(nn.Module layer, nn.Module unused)
            : base(nameof(Twice))
        {
            _layer = layer;
            register_module("layer", layer);
            register_module("unused", unused);
        }

        public Tensor Use(Tensor examples, Tensor?[] first, Tensor?[] second)
        {
            (_first, _second) = (first, second);
            return call(examples);
        }

        public override Tensor forward(Tensor input) =>
            (LayerCase.Call(_layer, _first).square() + LayerCase.Call(_layer, _second).sin()).flatten(1).sum(dim: 1L);
    }
}
