using DpSgd.Clipping;
using DpSgd.PerExampleGradients;
using DpSgd.Tests.TestKit;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

/// <summary>The ways to a convolution's gradients, on the CPU and on others, and what they hold at a time.</summary>
public class ConvolutionGradientTests
{
    public static TheoryData<int[], int[], int[], int[], int[], int[], int> Shapes => new()
    {
        // size, before, after, kernel, stride, dilation, groups
        { [1, 5, 6], [0, 1, 2], [0, 1, 2], [1, 3, 3], [1, 1, 1], [1, 1, 1], 1 },
        { [1, 1, 9], [0, 0, 1], [0, 0, 2], [1, 1, 4], [1, 1, 1], [1, 1, 1], 2 },
        { [3, 4, 5], [1, 0, 1], [1, 0, 1], [2, 3, 1], [2, 1, 3], [1, 1, 1], 1 },
        { [1, 7, 8], [0, 3, 0], [0, 3, 0], [1, 2, 3], [1, 4, 5], [1, 3, 2], 4 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_is_done_on_other_devices_is_the_same(int[] size, int[] before, int[] after, int[] kernel, int[] stride, int[] dilation, int groups)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var patches = new Patches(4, size, before, after, kernel, stride, dilation);
        var input = randn([7, 4, .. size.Select(n => (long)n)], dtype: ScalarType.Float64);
        var values = randn([7, 8, patches.Positions], dtype: ScalarType.Float64);
        var weights = rand(7, dtype: ScalarType.Float64);
        var drop = arange(7).eq(3);
        foreach (var budget in new[] { 1L, long.MaxValue })
        {
            using var workspace = new Workspace(budget);
            foreach (var microbatches in new[] { Microbatches.OfOne(7), Microbatches.Consecutive(7, 2), Microbatches.AtRandom(7, 3) })
            {
                IReadOnlyList<Tensor> Results(bool onAnyDevice, bool dropped)
                {
                    PerExampleGradient gradient = new ConvolutionGradient(patches, groups, values, input, workspace, onAnyDevice);
                    var norms = gradient.SquaredNorms(microbatches);
                    if (dropped)
                        gradient = gradient.Without(drop);
                    var total = zeros(8 * patches.Length / groups, dtype: ScalarType.Float64);
                    gradient.AddWeightedSum(weights, total);
                    workspace.Release();
                    return [norms, total, gradient.WriteOut().clone()];
                }

                foreach (var dropped in new[] { false, true })
                    TensorAssert.AreClose(Results(true, dropped), Results(false, dropped), 1e-12);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Microbatches_are_not_all_written_out_at_once(bool onAnyDevice)
    {
        using var scope = NewDisposeScope();
        // 64 examples by 2.3 MiB of parameters
        var patches = new Patches(256, [1, 4, 4], [0, 1, 1], [0, 1, 1], [1, 3, 3], [1, 1, 1], [1, 1, 1]);
        var (values, input) = (randn(64, 256, 16), randn([64, 256, 1, 4, 4]));
        using var workspace = new Workspace(budget: 4 << 20);
        var total = zeros(256 * patches.Length);
        var weights = ones(64);
        void Step(Microbatches microbatches)
        {
            using var inner = NewDisposeScope();
            var gradient = new ConvolutionGradient(patches, 1, values, input, workspace, onAnyDevice);
            gradient.SquaredNorms(microbatches);
            gradient.AddWeightedSum(weights, total);
            workspace.Release();
        }

        foreach (var microbatches in new[] { Microbatches.Consecutive(64, 2), Microbatches.AtRandom(64, 32) })
        {
            Step(microbatches);
            PeakMemory.During(() => Step(microbatches)).Should().BeLessThan(64L * 256 * patches.Length * sizeof(float) / 3);
        }
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(1, 2)]
    [InlineData(long.MaxValue, 1)]
    [InlineData(long.MaxValue, 2)]
    public void No_rounding_makes_a_gradient_longer_than_the_clip_norm(long budget, int microbatch)
    {
        using var scope = NewDisposeScope();
        random.manual_seed(1);
        var model = nn.Conv1d(1, 1, 1, bias: false);
        for (var i = 0; i < 40; i++)
        {
            using var inner = NewDisposeScope();
            // What is summed over positions is a million times as large as what is left of it.
            var x = randn([microbatch, 1, 1000]) * 1e4 + 1e4;
            var signs = ones(500).neg().repeat(2);
            signs.narrow(0, 0, 500).neg_();
            x.narrow(2, 500, 500).copy_(x.narrow(2, 0, 500) + randn(microbatch, 1, 500) * 0.1);
            var options = new DPOptimizerOptions { L2NormClip = 1, NoiseMultiplier = 0, MicrobatchSize = microbatch, MemoryBudget = budget };
            var gradient = PrivateStep.Gradient(model, model.parameters().ToList(), options, optimizer => optimizer.step(() => (model.call(x) * signs).flatten(1).sum(dim: 1L)));
            gradient.Single().to(ScalarType.Float64).norm().ToDouble().Should().BeLessThanOrEqualTo(1);
        }
    }
}
