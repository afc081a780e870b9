using DpSgd.Tests.TestKit;
using TorchSharp;
using TorchSharp.Modules;
using static DpSgd.Tests.Layers.RecurrentKinds;
using static TorchSharp.torch;

namespace DpSgd.Tests.Layers;

/// <summary>
/// A private step through our recurrent layers against a loop over single, unpadded examples through TorchSharp's.
/// </summary>
public class RecurrentPrivacyTests
{
    private const int Steps = 6, Inputs = 4, Hidden = 5;

    public static TheoryData<string, string, ScalarType> Cases()
    {
        var data = new TheoryData<string, string, ScalarType>();
        foreach (var kind in Names)
        {
            foreach (var options in Variants.Keys)
            {
                data.Add(kind, options, ScalarType.Float32);
                data.Add(kind, options, ScalarType.Float64);
            }
        }
        return data;
    }

    private static readonly Dictionary<string, (Options Options, bool Padded, bool States, int Batch, int Microbatch)> Variants = new()
    {
        ["plain"] = (new(BatchFirst: true), false, false, 7, 1),
        ["one example"] = (new(BatchFirst: true), true, false, 1, 1),
        ["steps first"] = (new(), true, true, 6, 1),
        ["no bias"] = (new(Bias: false, BatchFirst: true), true, true, 5, 1),
        ["both directions"] = (new(Bidirectional: true, BatchFirst: true), true, false, 5, 1),
        ["layers"] = (new(3, BatchFirst: true), true, true, 5, 1),
        ["layers, both directions"] = (new(2, Bidirectional: true), true, true, 7, 1),
        ["microbatches"] = (new(2, Bidirectional: true, BatchFirst: true), true, false, 6, 3),
        ["ragged microbatches"] = (new(2, Bidirectional: true, BatchFirst: true), true, true, 7, 2),
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Private_gradient_is_that_of_a_loop(string kind, string variant, ScalarType type)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        var (options, padded, states, batch, microbatch) = Variants[variant];
        var (theirs, runTheirs) = Theirs(kind, Inputs, Hidden, options);
        theirs.to(type);
        var (ours, runOurs) = From(theirs);
        var chains = options.NumLayers * (options.Bidirectional ? 2 : 1);
        var head = nn.Linear(Hidden * ((options.Bidirectional ? 2 : 1) + (chains * States(kind))), 3).to(type);
        var x = randn([batch, Steps, Inputs], dtype: type) * linspace(0.3, 3, batch, dtype: type).view(-1, 1, 1);
        var lengths = Enumerable.Range(0, batch).Select(i => padded ? 1L + i * 2 % Steps : Steps).ToArray();
        var start = states ? Enumerable.Range(0, States(kind)).Select(_ => randn([chains, batch, Hidden], dtype: type)).ToArray() : null;
        var weights = randn([batch, 3], dtype: type);

        var named = ours.named_parameters().ToList();
        Parameter Their(string name) => theirs.named_parameters().Single(p => p.name == string.Join('_', name.Split('.').Reverse())).parameter;
        List<Parameter> ownParameters = [.. named.Select(p => p.parameter), head.weight, head.bias!];
        List<Parameter> theirParameters = [.. named.Select(p => Their(p.name)), head.weight, head.bias!];

        var pieces = MicrobatchLoop.Consecutive(batch, microbatch).ToList();
        var clip = pieces.Select(p => Norm(MicrobatchLoop.ClippedSum(theirParameters, [p], LossOf, double.MaxValue))).Order().ElementAt(pieces.Count / 2);
        var expected = MicrobatchLoop.ClippedSum(theirParameters, pieces, LossOf, clip);

        // What the padding holds, be it infinite, must not matter.
        for (var i = 0; i < batch; i++)
            x[i, TensorIndex.Slice((int)lengths[i])] = double.PositiveInfinity;
        var model = new Classifier(ours, runOurs, head, options, padded ? tensor(lengths) : null, start);
        var dp = new DPOptimizerOptions { L2NormClip = clip, NoiseMultiplier = 0, MicrobatchSize = microbatch };
        var actual = PrivateStep.Gradient(model, ownParameters, dp, optimizer =>
        {
            (model.call(x).pow(2) * weights).sum(dim: 1L).mean().backward();
            optimizer.step();
            optimizer.NonFiniteExamples.Should().Be(0);
        });
        TensorAssert.AreClose(actual.Select(g => g * pieces.Count).ToList(), expected, type == ScalarType.Float64 ? 1e-12 : 1e-5);

        Tensor LossOf(long i)
        {
            var one = x.narrow(0, i, 1).narrow(1, 0, lengths[i]);
            var model = new Classifier(theirs, runTheirs, head, options, null, start?.Select(s => s.narrow(1, i, 1)).ToArray());
            return (model.forward(one).pow(2) * weights.narrow(0, i, 1)).sum();
        }
    }

    [Theory]
    [InlineData("LSTM"), InlineData("GRU"), InlineData("RNN tanh"), InlineData("RNN relu")]
    public void Nothing_is_left_of_a_step(string kind)
    {
        using var scope = NewDisposeScope();
        var options = new Options(2, Bidirectional: true, BatchFirst: true);
        var (ours, run) = Ours(kind, Inputs, Hidden, options);
        var head = nn.Linear(Hidden * (2 + (4 * States(kind))), 3);
        var x = randn(4, Steps, Inputs);
        var lengths = tensor(new long[] { 1, 6, 3, 2 });
        var model = new Classifier(ours, run, head, options, lengths, null);
        using var optimizer = new DPOptimizer(optim.SGD(model.parameters(), 0.1), model, Toy.Private);
        Step();
        var before = LiveTensors.Settled();
        for (var i = 0; i < 3; i++)
            Step();
        Tensor.TotalCount.Should().Be(before);

        void Step()
        {
            using var inner = NewDisposeScope();
            optimizer.zero_grad();
            model.call(x).square().mean().backward();
            optimizer.step();
        }
    }

    [Fact]
    public void Frozen_parameters_get_no_gradient_and_the_others_theirs()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(5);
        var options = new Options(BatchFirst: true);
        foreach (var frozen in new[] { "l0.weight_hh", "l0.bias_hh", "l0.weight_ih" })
        {
            var (ours, run) = Ours("GRU", Inputs, Hidden, options);
            ours.named_parameters().Single(p => p.name == frozen).parameter.requires_grad = false;
            var model = new Classifier(ours, run, nn.Linear(2 * Hidden, 3), options, null, null);
            var x = randn(4, Steps, Inputs);
            var trained = model.parameters().Where(p => p.requires_grad).ToList();
            (model.call(x).pow(2)).sum(dim: 1L).mean().backward();
            var expected = trained.Select(p => p.grad!.clone()).ToList();
            foreach (var p in trained)
                p.grad = null;
            var actual = PrivateStep.Gradient(model, trained, Toy.NoPrivacy, optimizer =>
            {
                (model.call(x).pow(2)).sum(dim: 1L).mean().backward();
                optimizer.step();
            });
            TensorAssert.AreClose(actual, expected, 1e-5);
        }
    }

    [Fact]
    public void Used_twice_in_one_pass_and_on_an_empty_batch()
    {
        using var scope = NewDisposeScope();
        random.manual_seed(6);
        var options = new Options(BatchFirst: true);
        var (ours, run) = Ours("LSTM", Inputs, Hidden, options);
        ours.to(ScalarType.Float64);
        var model = new Twice(ours, run);
        var parameters = model.parameters().ToList();
        var x = randn([5, Steps, Inputs], dtype: ScalarType.Float64);
        var expected = MicrobatchLoop.ClippedSum(parameters, MicrobatchLoop.Consecutive(5, 1), i => model.forward(x.narrow(0, i, 1)).sum(), 1);
        var actual = PrivateStep.Gradient(model, parameters, Toy.NoPrivacy with { L2NormClip = 1 }, optimizer =>
        {
            model.call(x).mean().backward();
            optimizer.step();
        });
        TensorAssert.AreClose(actual.Select(g => g * 5).ToList(), expected, 1e-12);

        using var dp = new DPOptimizer(optim.SGD(parameters, 0.1), model, Toy.Private with { MicrobatchSize = 1, LossReduction = LossReduction.Sum, Sampling = new PoissonSampling(0.1, 50) });
        model.call(x.narrow(0, 0, 0)).sum().backward();
        dp.step();
        dp.Steps.Should().Be(1);
    }

    private static double Norm(IReadOnlyList<Tensor> gradients) =>
        Math.Sqrt(gradients.Sum(g => g.to_type(ScalarType.Float64).square().sum().ToDouble()));

    /// <summary>Everything that the layer gives, through a linear layer. Batch first at its face, as private models are.</summary>
    private sealed class Classifier : nn.Module<Tensor, Tensor>
    {
        private readonly Run _run;
        private readonly Linear _head;
        private readonly Options _options;
        private readonly Tensor? _lengths;
        private readonly Tensor[]? _states;

        public Classifier(nn.Module layer, Run run, Linear head, Options options, Tensor? lengths, Tensor[]? states)
            : base(nameof(Classifier))
        {
            register_module("layer", layer);
            register_module("head", head);
            (_run, _head, _options, _lengths, _states) = (run, head, options, lengths, states);
        }

        public override Tensor forward(Tensor input)
        {
            var results = _run(_options.BatchFirst ? input : input.transpose(0, 1), _states, _lengths);
            var sum = results[0].sum(dim: _options.BatchFirst ? 1L : 0L);
            return _head.call(cat([sum, .. results.Skip(1).Select(state => state.transpose(0, 1).flatten(1))], 1));
        }
    }

    private sealed class Twice : nn.Module<Tensor, Tensor>
    {
        private readonly Run _run;

        public Twice(nn.Module layer, Run run)
            : base(nameof(Twice))
        {
            register_module("layer", layer);
            _run = run;
        }

        /// <summary>The loss of each example.</summary>
        public override Tensor forward(Tensor input)
        {
            var first = _run(input, null, null)[0];
            return _run((input * 2) + first.narrow(2, 0, Inputs), null, null)[0].square().sum(dim: [1, 2]);
        }
    }
}
