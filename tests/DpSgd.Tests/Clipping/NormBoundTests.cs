using DpSgd.Clipping;
using DpSgd.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.Clipping;

/// <summary>
/// Gradients on which single precision fails: sums that cancel, and values whose squares are lost. Whatever the norm is
/// taken for, no example may contribute more than the clip norm.
/// </summary>
public class NormBoundTests
{
    public static TheoryData<string, Func<(TorchSharp.Modules.Linear Layer, Tensor X, Func<Tensor, Tensor> Losses, double Clip)>> Cases => new()
    {
        { "positions alike, by Gram matrices", () => Alike(64, 64, 4, 1e-4) },
        { "positions alike, less so", () => Alike(64, 64, 4, 1e-3) },
        { "positions alike, written out", () => Alike(4, 4, 40, 1e-4) },
        { "cancelling to nothing, large inputs", () => Cancelling(1e6) },
        { "cancelling to nothing, huge inputs", () => Cancelling(1e9) },
        { "squares that underflow on one side", () => Scaled(1e18, 1e-23, 1e-7) },
        { "squares that underflow on both", () => Scaled(1, 1e-24, 1e-26) },
        { "an ordinary sequence", () => Alike(6, 5, 7, 10) },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void No_example_contributes_more_than_the_clip_norm(
        string name, Func<(TorchSharp.Modules.Linear Layer, Tensor X, Func<Tensor, Tensor> Losses, double Clip)> make)
    {
        name.Should().NotBeEmpty();
        using var scope = NewDisposeScope();
        for (var seed = 0; seed < 20; seed++)
        {
            random.manual_seed(seed);
            var (layer, x, losses, clip) = make();
            using var optimized = layer;
            var gradient = PrivateStep.Gradient(layer, layer.parameters().ToList(), new() { L2NormClip = clip, NoiseMultiplier = 0 }, optimizer =>
            {
                optimizer.step(() => losses(layer.call(x)));
                optimizer.NonFiniteExamples.Should().Be(0);
            });
            var contribution = Math.Sqrt(gradient.Sum(g => g.to_type(ScalarType.Float64).square().sum().ToDouble()));
            contribution.Should().BeLessThanOrEqualTo(clip * (1 + 1e-6));
        }
    }

    [Theory]
    [InlineData(128)]
    [InlineData(128 * 64)]
    public void Small_values_that_are_lost_beside_large_ones_count(int length)
    {
        using var scope = NewDisposeScope();
        // Added one by one in single precision, each of the small squares, 2^-25, leaves a sum of one or more as it is.
        var row = full([1, length], Math.ScaleB(1, -12) * Math.Sqrt(0.5), dtype: ScalarType.Float32);
        row.narrow(1, 0, 32).fill_(1);
        var exact = row.to(ScalarType.Float64).square().sum().ToDouble();
        NormBound.SquaredRows(row).ToDouble().Should().BeInRange(exact, exact * (1 + 1e-5));
    }

    [Fact]
    public void Examples_of_a_microbatch_that_cancel_leave_room_for_the_rounding_of_their_sum()
    {
        using var scope = NewDisposeScope();
        var gradient = new WrittenOutGradient(tensor(new[] { 1e8f, -1e8f }).view(2, 1));
        gradient.SquaredNorms(Microbatches.Consecutive(2, 2)).sqrt().ToDouble().Should().BeInRange(1e8 * Math.ScaleB(1, -24), 1e8 * Math.ScaleB(1, -20));
    }

    /// <summary>One example whose positions differ little, and a loss that compares them.</summary>
    private static (TorchSharp.Modules.Linear Layer, Tensor X, Func<Tensor, Tensor> Losses, double Clip) Alike(int p, int q, int positions, double spread)
    {
        var signs = (arange(positions) % 2 * 2 - 1).to(ScalarType.Float32).view(1, positions, 1);
        var target = randn(1, 1, p);
        var x = randn(1, 1, q) + spread * randn(1, positions, q);
        var factors = x.to(ScalarType.Float64).transpose(1, 2).bmm((signs * target).expand(1, positions, p).to(ScalarType.Float64));
        var norm = factors.norm().ToDouble();
        return (nn.Linear(q, p, hasBias: false), x, y => (y * signs * target).sum(dim: [1, 2]), norm / 10);
    }

    private static (TorchSharp.Modules.Linear Layer, Tensor X, Func<Tensor, Tensor> Losses, double Clip) Cancelling(double size)
    {
        // Each row appears with every sign as often: the exact gradient is zero.
        var half = randn(1, 20, 4) * size;
        var x = cat([half, half], 1);
        var coefficients = randn(1, 20, 4);
        var signed = cat([coefficients, -coefficients], 1);
        return (nn.Linear(4, 4, hasBias: false), x, y => (y * signed).sum(dim: [1, 2]), 1);
    }

    private static (TorchSharp.Modules.Linear Layer, Tensor X, Func<Tensor, Tensor> Losses, double Clip) Scaled(double input, double gradient, double clip) =>
        (nn.Linear(3, 2, hasBias: false), full([1, 3], input), y => (y * gradient).sum(dim: 1L), clip);
}
