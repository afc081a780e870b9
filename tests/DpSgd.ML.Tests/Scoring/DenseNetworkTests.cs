using DpSgd.ML.Scoring;
using FsCheck;
using FsCheck.Xunit;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace DpSgd.ML.Tests.Scoring;

public class DenseNetworkTests
{
    [Property(MaxTest = 50)]
    public bool It_computes_what_TorchSharp_does(PositiveInt inputs, PositiveInt hidden, PositiveInt outputs, int seed)
    {
        var (d, h, k) = (inputs.Get % 40 + 1, hidden.Get % 40 + 1, outputs.Get % 10 + 1);
        using var scope = NewDisposeScope();
        var generator = new Generator((ulong)seed);
        Tensor Random(params long[] shape) => randn(shape, generator: generator);
        var (w1, b1, w2, b2, x) = (Random(h, d), Random(h), Random(k, h), Random(k), Random(d));
        var expected = functional.linear(functional.tanh(functional.linear(x, w1, b1)), w2, b2).data<float>().ToArray();

        var network = new DenseNetwork([], [Layer(d, w1, b1), Layer(h, w2, b2)]);
        var workspace = network.MakeWorkspace();
        x.data<float>().ToArray().CopyTo(workspace[0], 0);
        var actual = network.Forward(workspace).ToArray();
        return actual.Length == k && actual.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) < 1e-4 * (1 + Math.Abs(pair.Second)));
    }

    [Property]
    public bool Scaling_goes_to_one_and_back(short least, PositiveInt width, NormalFloat value)
    {
        var range = new ValueRange(least, least + width.Get);
        var scaled = range.Scale((float)value.Get);
        var clamped = Math.Clamp((float)value.Get, range.Minimum, range.Maximum);
        return scaled is >= -1 and <= 1 && Math.Abs(range.Unscale(scaled) - clamped) <= 1e-5 * (Math.Abs(least) + width.Get);
    }

    [Fact]
    public void One_range_holds_for_all_features_and_several_for_one_each()
    {
        float[] features = [0, 5, 20];
        DenseNetwork.Scale([new(0, 10)], features);
        features.Should().Equal(-1, 0, 1);
        features = [0, 5, 20];
        DenseNetwork.Scale([new(0, 10), new(5, 6), new(0, 40)], features);
        features.Should().Equal(-1, -1, 0);
        features = [float.NaN];
        DenseNetwork.Scale([new(0, 10)], features);
        features.Should().Equal(float.NaN);
    }

    private static DenseLayer Layer(int inputs, Tensor weights, Tensor bias) =>
        new(inputs, weights.data<float>().ToArray(), bias.data<float>().ToArray());
}
