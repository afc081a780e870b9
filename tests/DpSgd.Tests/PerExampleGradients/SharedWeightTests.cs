using DpSgd.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>A weight with several uses has one gradient, the sum of all, and that is what is clipped.</summary>
public class SharedWeightTests
{
    public static TheoryData<string, int> Models
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var name in Makers.Keys)
            {
                foreach (var microbatch in new[] { 1, 2, 4 })
                    data.Add(name, microbatch);
            }
            return data;
        }
    }

    private static readonly Dictionary<string, Func<SharingModel>> Makers = new()
    {
        ["tokens and output"] = () => new SharingModel(vocabulary: 6, width: 4, padding: null, outputs: 1),
        ["tokens with padding and output"] = () => new SharingModel(vocabulary: 5, width: 4, padding: 2, outputs: 1),
        ["tokens used twice"] = () => new SharingModel(vocabulary: 6, width: 4, padding: 1, outputs: 0),
        ["tokens used twice and two outputs"] = () => new SharingModel(vocabulary: 6, width: 4, padding: null, outputs: 2),
    };

    [Theory]
    [MemberData(nameof(Models))]
    public void Clipped_sum_is_that_of_a_loop(string name, int microbatch)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var model = Makers[name]().to(ScalarType.Float64);
        var tokens = LayerCase.Tokens(7, model.Vocabulary, 5);
        var parameters = model.parameters().ToList();
        parameters.Count(p => p.numel() == model.Vocabulary * 4).Should().Be(1, "the weight is shared");
        Tensor Losses(Tensor input) => model.call(input).square().flatten(1).sum(dim: 1L);
        var microbatches = MicrobatchLoop.Consecutive(7, microbatch).ToList();
        var expected = MicrobatchLoop.ClippedSum(parameters, microbatches, i => Losses(tokens.narrow(0, i, 1)).sum(), 0.5);

        var actual = PrivateStep.Gradient(
            model, parameters, new() { L2NormClip = 0.5, NoiseMultiplier = 0, MicrobatchSize = microbatch }, optimizer =>
                optimizer.step(() => Losses(tokens)));

        TensorAssert.AreClose(actual.Select(g => g * microbatches.Count).ToList(), expected, 1e-12);
    }

    [Fact]
    public void Tokens_and_output_are_not_written_out()
    {
        using var scope = NewDisposeScope();
        using var workspace = new Workspace();
        RowGradient Rows() => new(LayerCase.Tokens(3, 6, 5), randn(3, 5, 4), null, 6, workspace);
        OuterProductGradient Products() => new(randn(3, 5, 6), randn(3, 5, 4), workspace);
        PerExampleGradient Sum(params PerExampleGradient[] gradients) => GradientSum.Of(gradients, workspace);
        Sum(Rows(), Products(), Products(), Rows()).Should().BeOfType<TiedGradient>();
        Sum(Rows(), Rows()).Should().BeOfType<RowGradient>();
        Sum(Products(), Products()).Should().BeOfType<OuterProductGradient>();
        Sum(Products(), new WrittenOutGradient(randn(3, 6, 4))).Should().BeOfType<WrittenOutGradient>();
    }

    [Fact]
    public void An_example_with_a_non_finite_gradient_contributes_zero()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var model = Makers["tokens and output"]().to(ScalarType.Float64);
        var tokens = LayerCase.Tokens(6, model.Vocabulary, 5);
        var parameters = model.parameters().ToList();
        Tensor Losses(Tensor input) => model.call(input).square().flatten(1).sum(dim: 1L);
        var expected = MicrobatchLoop.ClippedSum(parameters, new long[][] { [0], [1], [3], [4], [5] }, i => Losses(tokens.narrow(0, i, 1)).sum(), 0.5);

        var actual = PrivateStep.Gradient(model, parameters, new() { L2NormClip = 0.5, NoiseMultiplier = 0 }, optimizer =>
        {
            optimizer.step(() => Losses(tokens) * tensor(new[] { 1, 1, double.NaN, 1, 1, 1 }));
            optimizer.NonFiniteExamples.Should().Be(1);
        });

        TensorAssert.AreClose(actual.Select(g => g * 6).ToList(), expected, 1e-12);
    }

    [Fact]
    public void A_tensor_held_by_two_parameters_is_refused()
    {
        using var scope = NewDisposeScope();
        var tokens = nn.Embedding(6, 4);
        var output = nn.Linear(4, 6, hasBias: false);
        output.weight = tokens.weight!;   // the getter makes a new Parameter of the same tensor
        var model = nn.Sequential(("tokens", tokens), ("output", output));
        FluentActions.Invoking(() => new DPOptimizer(optim.SGD(model.parameters(), 1), model, Toy.Private))
            .Should().Throw<ArgumentException>().WithMessage("*'tokens.weight' and 'output.weight'*one tensor*");
        model.parameters().Should().OnlyContain(p => p.requires_grad);
    }

    /// <summary>Tokens, and layers that share their table.</summary>
    private sealed class SharingModel : nn.Module<Tensor, Tensor>
    {
        private readonly Embedding _tokens;
        private readonly Linear _hidden;
        private readonly Linear[] _outputs;

        public SharingModel(long vocabulary, long width, long? padding, int outputs)
            : base(nameof(SharingModel))
        {
            Vocabulary = vocabulary;
            _tokens = nn.Embedding(vocabulary, width, padding_idx: padding);
            _hidden = nn.Linear(width, width);
            _outputs = [.. Enumerable.Range(0, outputs).Select(_ => nn.Linear(width, vocabulary, hasBias: false))];
            var shared = _tokens.named_parameters().Single().parameter;
            register_module("tokens", _tokens);
            register_module("hidden", _hidden);
            for (var i = 0; i < outputs; i++)
            {
                _outputs[i].weight = shared;
                register_module($"output{i}", _outputs[i]);
            }
        }

        public long Vocabulary { get; }

        public override Tensor forward(Tensor input)
        {
            var hidden = _hidden.call(_tokens.call(input)).tanh() + _tokens.call(input.flip(1));
            foreach (var output in _outputs)
                hidden = output.call(hidden).softmax(-1).narrow(2, 0, 4) + hidden;
            return hidden;
        }
    }
}
