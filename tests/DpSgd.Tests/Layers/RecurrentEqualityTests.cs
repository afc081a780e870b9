using DpSgd.Tests.TestKit;
using TorchSharp;
using static DpSgd.Tests.Layers.RecurrentKinds;
using static TorchSharp.torch;

namespace DpSgd.Tests.Layers;

/// <summary>Our recurrent layers compute what TorchSharp's compute, forward and backward.</summary>
public class RecurrentEqualityTests
{
    private const int Batch = 3, Steps = 5, Inputs = 4, Hidden = 6;

    public static TheoryData<string, bool, bool, bool, int> Cases()
    {
        var data = new TheoryData<string, bool, bool, bool, int>();
        foreach (var kind in Names)
        {
            foreach (var batchFirst in new[] { false, true })
            {
                foreach (var (bias, bidirectional, layers) in new[] { (true, false, 1), (false, false, 1), (true, true, 1), (true, false, 3), (true, true, 2), (false, true, 2) })
                    data.Add(kind, batchFirst, bias, bidirectional, layers);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Outputs_states_and_gradients_are_those_of_TorchSharp(string kind, bool batchFirst, bool bias, bool bidirectional, int layers)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var options = new Options(layers, bias, batchFirst, bidirectional);
        var (theirs, runTheirs) = Theirs(kind, Inputs, Hidden, options);
        var (ours, runOurs) = From(theirs);
        foreach (var training in new[] { false, true })
        {
            theirs.train(training);
            ours.train(training);
            foreach (var (states, lengths) in new[] { (false, false), (true, false), (false, true), (true, true) })
            {
                var x = Input(batchFirst).requires_grad_();
                var start = states ? Start(kind, options) : null;
                var counts = lengths ? tensor(new long[] { 2, 5, 4 }) : null;
                TensorAssert.AreClose(
                    OutputsAndGradients(ours, runOurs, x, start, counts),
                    OutputsAndGradients(theirs, runTheirs, x, start, counts), 1e-5);
            }
        }
    }

    [Theory]
    [InlineData("LSTM"), InlineData("GRU"), InlineData("RNN tanh"), InlineData("RNN relu")]
    public void Weights_go_there_and_back(string kind)
    {
        using var scope = NewDisposeScope();
        var options = new Options(2, Bidirectional: true, BatchFirst: true, Dropout: 0.3);
        var (ours, runOurs) = Ours(kind, Inputs, Hidden, options);
        var (theirs, runTheirs) = Theirs(kind, Inputs, Hidden, options);
        ours.to(ScalarType.Float64);
        theirs.to(ScalarType.Float64);
        CopyTo(ours, theirs);
        ours.eval();
        theirs.eval();
        var x = Input(batchFirst: true).to(ScalarType.Float64);
        TensorAssert.AreClose(runOurs(x, null, null), runTheirs(x, null, null), 1e-12);

        var (again, runAgain) = From(theirs);
        again.training.Should().BeFalse();
        again.parameters().Zip(ours.parameters()).Should().OnlyContain(pair => pair.First.equal(pair.Second).all().ToBoolean());
        again.named_parameters().Select(p => p.name).Should().Equal(ours.named_parameters().Select(p => p.name));
        runAgain(x, null, null)[0].dtype.Should().Be(ScalarType.Float64);
    }

    [Theory]
    [InlineData("LSTM"), InlineData("GRU"), InlineData("RNN tanh"), InlineData("RNN relu")]
    public void Dropout_is_found_out(string kind)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(3);
        var (theirs, _) = Theirs(kind, Inputs, Hidden, new Options(2, Dropout: 0.35));
        var randomness = random.get_rng_state();
        From(theirs);
        From(theirs, 0.35);
        random.get_rng_state().equal(randomness).all().ToBoolean().Should().BeTrue("nobody else's random numbers may change");
        FluentActions.Invoking(() => From(theirs, 0.3)).Should().Throw<ArgumentException>().WithParameterName("dropout");
        FluentActions.Invoking(() => From(theirs, 0)).Should().Throw<ArgumentException>().WithParameterName("dropout");
        FluentActions.Invoking(() => From(theirs, double.NaN)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("dropout");
        var (odd, _) = Theirs(kind, Inputs, Hidden, new Options(2, Dropout: 0.333));
        FluentActions.Invoking(() => From(odd)).Should().Throw<ArgumentException>().WithMessage("*0.05*");
        From(odd, 0.333);
    }

    [Fact]
    public void Layers_of_other_options_get_no_weights()
    {
        using var scope = NewDisposeScope();
        var ours = new DPRNN(Inputs, Hidden, 2, nn.NonLinearities.ReLU, dropout: 0.5);
        foreach (var other in new[]
        {
            nn.RNN(Inputs, Hidden, 2, nn.NonLinearities.Tanh, dropout: 0.5),
            nn.RNN(Inputs, Hidden, 2, nn.NonLinearities.ReLU, dropout: 0.4),
            nn.RNN(Inputs, Hidden, 3, nn.NonLinearities.ReLU, dropout: 0.5),
            nn.RNN(Inputs, Hidden, 1, nn.NonLinearities.ReLU, dropout: 0.5),
            nn.RNN(Inputs, Hidden + 1, 2, nn.NonLinearities.ReLU, dropout: 0.5),
            nn.RNN(Inputs, Hidden, 2, nn.NonLinearities.ReLU, bias: false, dropout: 0.5),
            nn.RNN(Inputs, Hidden, 2, nn.NonLinearities.ReLU, dropout: 0.5, bidirectional: true),
            nn.RNN(Inputs, Hidden, 2, nn.NonLinearities.ReLU, dropout: 0.5, batchFirst: true),
        })
        {
            var before = Toy.Weights(other);
            ours.Invoking(o => o.CopyTo(other)).Should().Throw<ArgumentException>();
            other.ShouldBeUnchanged(before);
        }
        ours.CopyTo(nn.RNN(Inputs, Hidden, 2, nn.NonLinearities.ReLU, dropout: 0.5));
    }

    [Fact]
    public void Nonlinearity_that_the_weights_do_not_tell_must_be_given()
    {
        using var scope = NewDisposeScope();
        var rnn = nn.RNN(Inputs, Hidden, nonLinearity: nn.NonLinearities.ReLU);
        FluentActions.Invoking(() => DPRNN.From(rnn, nonLinearity: nn.NonLinearities.Tanh)).Should().Throw<ArgumentException>();
        using (no_grad())
        {
            foreach (var parameter in rnn.parameters())
                parameter.zero_();
        }
        FluentActions.Invoking(() => DPRNN.From(rnn)).Should().Throw<ArgumentException>().WithParameterName("nonLinearity");
        DPRNN.From(rnn, nonLinearity: nn.NonLinearities.ReLU);
    }

    [Fact]
    public void Frozen_parameters_stay_frozen()
    {
        using var scope = NewDisposeScope();
        var gru = nn.GRU(Inputs, Hidden);
        gru.named_parameters().Single(p => p.name == "weight_hh_l0").parameter.requires_grad = false;
        DPGRU.From(gru).named_parameters().Where(p => !p.parameter.requires_grad).Select(p => p.name).Should().Equal("l0.weight_hh");
    }

    [Theory]
    [InlineData("LSTM"), InlineData("GRU"), InlineData("RNN tanh"), InlineData("RNN relu")]
    public void Nothing_leaks(string kind)
    {
        var options = new Options(2, Bidirectional: true);
        // TorchSharp counts a tensor that has become a Parameter twice, and forgets it once.
        Leaks.Of(Use).Should().Be(Leaks.Of(Make));

        void Make()
        {
            Theirs(kind, Inputs, Hidden, options).Module.Dispose();
            Ours(kind, Inputs, Hidden, options).Module.Dispose();
        }

        void Use()
        {
            using var x = Input(batchFirst: false);
            using var lengths = tensor(new long[] { 1, 5, 3 });
            var (theirs, _) = Theirs(kind, Inputs, Hidden, options);
            var (ours, run) = From(theirs);
            CopyTo(ours, theirs);
            foreach (var result in run(x, null, lengths))
                result.Dispose();
            using (no_grad())
            {
                foreach (var result in run(x, null, lengths))
                    result.Dispose();
            }
            ours.Dispose();
            theirs.Dispose();
        }
    }

    [Fact]
    public void Wrong_arguments_are_named()
    {
        using var scope = NewDisposeScope();
        FluentActions.Invoking(() => new DPLSTM(0, 1)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("inputSize");
        FluentActions.Invoking(() => new DPGRU(1, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("hiddenSize");
        FluentActions.Invoking(() => new DPRNN(1, 1, 0)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("numLayers");
        FluentActions.Invoking(() => new DPLSTM(1, 1, dropout: 1.5)).Should().Throw<ArgumentOutOfRangeException>().WithParameterName("dropout");
        var layer = new DPLSTM(Inputs, Hidden);
        var x = Input(batchFirst: false);
        layer.Invoking(l => l.call(x[0])).Should().Throw<ArgumentException>().WithParameterName("input");
        layer.Invoking(l => l.call(x, (zeros(1, 2, Hidden), zeros(1, Batch, Hidden)))).Should().Throw<ArgumentException>().WithMessage("*[1, 3, 6]*");
        layer.Invoking(l => l.call(x, lengths: tensor(new long[] { 1, 2 }))).Should().Throw<ArgumentException>().WithParameterName("lengths");
        layer.Invoking(l => l.call(x, lengths: tensor(new long[] { 1, 2, 6 }))).Should().Throw<ArgumentException>().WithMessage("*[0, 5]*example 2 is 6*");
        layer.Invoking(l => l.call(x, lengths: tensor(new[] { 1f, 2, 3 }))).Should().Throw<ArgumentException>().WithParameterName("lengths");
    }

    private static Tensor Input(bool batchFirst) => randn(batchFirst ? [Batch, Steps, Inputs] : [Steps, Batch, Inputs]);

    private static Tensor[] Start(string kind, Options o) => Enumerable.Range(0, States(kind))
        .Select(_ => randn([o.NumLayers * (o.Bidirectional ? 2 : 1), Batch, Hidden], requires_grad: true)).ToArray();

    /// <summary>All that comes out, and the gradients of some loss with respect to all that goes in and to all parameters.</summary>
    private static List<Tensor> OutputsAndGradients(nn.Module module, Run run, Tensor x, Tensor[]? states, Tensor? lengths)
    {
        var leaves = module.parameters().Cast<Tensor>().Append(x).Concat(states ?? []).ToList();
        foreach (var leaf in leaves)
            leaf.grad = null;
        var results = run(x, states, lengths);
        var loss = zeros([]);
        foreach (var (result, i) in results.Select((r, i) => (r, i)))
            loss += (result.pow(3) * (i + 1) + result).sum();
        loss.backward();
        var gradients = module.named_parameters().OrderBy(p => string.Join('_', p.name.Split('.').Reverse())).Select(p => p.parameter.grad!);
        return [.. results, .. gradients, x.grad!, .. (states ?? []).Select(s => s.grad!)];
    }
}
