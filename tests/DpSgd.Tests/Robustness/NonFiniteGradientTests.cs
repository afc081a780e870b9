using DpSgd.Tests.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Robustness;

/// <summary>
/// An example whose gradient is NaN or infinite contributes zero, whichever rule its gradient went through, and the others
/// are as if it were not there.
/// </summary>
public class NonFiniteGradientTests
{
    public static TheoryData<string, double, bool, int> Cases()
    {
        var data = new TheoryData<string, double, bool, int>();
        foreach (var layer in LayerCases.All.Keys)
        {
            foreach (var bad in new[] { double.NaN, double.PositiveInfinity, double.NegativeInfinity })
            {
                data.Add(layer, bad, true, 1);
                data.Add(layer, bad, false, 1);
                data.Add(layer, bad, true, 2);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void It_contributes_zero_and_the_others_are_unaffected(string name, double bad, bool inLoss, int microbatch)
    {
        const int batch = 6, victim = 3;
        using var scope = NewDisposeScope();
        random.manual_seed(7);
        var (makeLayer, makeInputs) = LayerCases.All[name];
        var layer = makeLayer().to(ScalarType.Float64);
        var inputs = makeInputs(batch, ScalarType.Float64);
        var weights = LayerCase.Normal(batch, ScalarType.Float64, LayerCase.Call(layer, inputs).shape[1..]);
        var parameters = layer.parameters().ToList();
        var good = inputs.Select(input => input?.clone()).ToArray();
        var goodWeights = weights.clone();
        var places = inLoss ? [weights] : inputs.Where(input => input is not null && input.is_floating_point()).OfType<Tensor>().ToArray();
        if (places.Length == 0)
            return;   // tokens are whole numbers
        foreach (var place in places)
            place[victim].fill_(bad);

        Tensor Losses(Tensor?[] input, Tensor weight) => (LayerCase.Call(layer, input).pow(2) * weight).flatten(1).sum(dim: 1L);
        var microbatches = MicrobatchLoop.Consecutive(batch, microbatch).Where(m => !m.Contains(victim)).ToList();
        var expected = MicrobatchLoop.ClippedSum(
            parameters, microbatches, i => Losses(Array.ConvertAll(good, input => input?.narrow(0, i, 1)), goodWeights.narrow(0, i, 1)).sum(), 0.7);

        var options = new DPOptimizerOptions { L2NormClip = 0.7, NoiseMultiplier = 0, MicrobatchSize = microbatch };
        var actual = PrivateStep.Gradient(layer, parameters, options, optimizer =>
        {
            Losses(inputs, weights).mean().backward();
            optimizer.step();
            optimizer.NonFiniteExamples.Should().Be(microbatch);
        });

        TensorAssert.AreClose(actual.Select(g => g * batch / microbatch).ToList(), expected, 1e-12);
    }

    public static TheoryData<string> Composed => ["GRU", "LSTM", "RNN", "encoder"];

    /// <summary>Layers that are made of parts.</summary>
    [Theory]
    [MemberData(nameof(Composed))]
    public void In_a_layer_of_parts_too(string name)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(7);
        (nn.Module Model, Func<Tensor, Tensor> Call) Make()
        {
            switch (name)
            {
                case "GRU":
                    var gru = DPGRU.From(nn.GRU(4, 3, batchFirst: true));
                    return (gru, x => gru.call(x, null, null).Item1);
                case "LSTM":
                    var lstm = DPLSTM.From(nn.LSTM(4, 3, batchFirst: true));
                    return (lstm, x => lstm.call(x, null, null).Item1);
                case "RNN":
                    var rnn = DPRNN.From(nn.RNN(4, 3, batchFirst: true));
                    return (rnn, x => rnn.call(x, null, null).Item1);
                default:
                    var encoder = DPTransformerEncoderLayer.From(nn.TransformerEncoderLayer(4, 2, 8, 0), batchFirst: true);
                    return (encoder, x => encoder.call(x));
            }
        }
        var (model, call) = Make();
        var parameters = model.parameters().ToList();
        Tensor Losses(Tensor input) => call(input).flatten(1).pow(3).sum(dim: 1L);
        var x = randn(5, 3, 4);
        var expected = MicrobatchLoop.ClippedSum(parameters, [[0], [1], [3], [4]], i => Losses(x.narrow(0, i, 1)).sum(), 0.5);
        x[2, 1, 3] = float.NaN;
        var actual = PrivateStep.Gradient(model, parameters, new() { L2NormClip = 0.5, NoiseMultiplier = 0 }, optimizer =>
        {
            optimizer.step(() => Losses(x));
            optimizer.NonFiniteExamples.Should().Be(1);
        });
        TensorAssert.AreClose(actual.Select(g => g * 5).ToList(), expected, 1e-5);
    }

    [Fact]
    public void A_batch_of_nothing_else_is_a_step_of_noise()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(3);
        x.fill_(double.NaN);
        var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), new() { L2NormClip = 1, NoiseMultiplier = 1 }, optimizer =>
        {
            optimizer.step(() => Toy.Loss(model, x, y, nn.Reduction.None));
            optimizer.NonFiniteExamples.Should().Be(3);
        });
        // 67 draws of N(0, 1/9): outside this range once in 10^9.
        cat(gradient.Select(g => g.flatten()).ToArray()).square().mean().sqrt().ToDouble().Should().BeInRange(0.45 / 3, 1.65 / 3);
    }

    [Fact]
    public void A_gradient_so_long_that_its_square_overflows_contributes_zero()
    {
        using var scope = NewDisposeScope();
        var model = nn.Linear(3, 2);
        var x = ones(4, 3);
        x[1].mul_(1e25f);
        var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), new() { L2NormClip = 1, NoiseMultiplier = 0 }, optimizer =>
        {
            optimizer.step(() => model.call(x).sum(dim: 1L));
            optimizer.NonFiniteExamples.Should().Be(1);
        });
        gradient.Should().OnlyContain(g => g.isfinite().all().ToBoolean());
        Math.Sqrt(gradient.Sum(g => g.square().sum().ToDouble())).Should().BeApproximately(0.75, 1e-5);
    }

    [Fact]
    public void One_microbatch_that_is_not_finite_is_left_out_of_the_plain_way_too()
    {
        using var scope = NewDisposeScope();
        var model = Toy.Model();
        var (x, y) = Toy.Batch(6);
        var expected = MicrobatchLoop.ClippedSum(model.parameters().ToList(), [[0], [1], [2], [3], [5]], i => Toy.Loss(model, x.narrow(0, i, 1), y.narrow(0, i, 1)), 0.3);
        x[4, 0] = double.NaN;
        var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), new() { L2NormClip = 0.3, NoiseMultiplier = 0, PerMicrobatchBackward = true }, optimizer =>
        {
            optimizer.step(6, i => Toy.Loss(model, x.index_select(0, i), y.index_select(0, i)));
            optimizer.NonFiniteExamples.Should().Be(1);
        });
        TensorAssert.AreClose(gradient.Select(g => g * 6).ToList(), expected, 1e-12);
    }
}
