using DpSgd.PerExampleGradients;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

public class PatchesTests
{
    public static TheoryData<int[], int[], int[], int[]> Shapes => new()
    {
        { [1, 1, 30], [1, 1, 3], [1, 1, 1], [1, 1, 2] },
        { [1, 1, 30], [1, 1, 4], [1, 1, 3], [1, 1, 1] },
        { [1, 9, 12], [1, 3, 3], [1, 1, 1], [1, 1, 1] },
        { [1, 9, 12], [1, 2, 8], [1, 2, 3], [1, 3, 1] },
        { [5, 6, 7], [2, 3, 2], [2, 1, 1], [1, 2, 3] },
        { [4, 5, 12], [2, 1, 4], [1, 2, 1], [2, 1, 1] },
    };

    /// <summary>What runs on other devices gives what the rows copied here give, and both what libtorch's index says.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Copied_rows_and_views_are_the_same(int[] size, int[] kernel, int[] stride, int[] dilation)
    {
        using var scope = NewDisposeScope();
        using var workspace = new Workspace();
        var patches = new Patches(3, size, kernel, stride, dilation);
        foreach (var type in new[] { ScalarType.Float32, ScalarType.Float64 })
        {
            // A part of a longer batch, since that is how the rules call it.
            var padded = arange(4 * 3 * size[0] * size[1] * size[2], dtype: type).view(4, 3, size[0], size[1], size[2]).narrow(0, 1, 2);

            var copied = patches.Of(padded, workspace);
            var viewed = patches.OfAnyDevice(padded);

            copied.shape.Should().Equal(2, patches.Positions, patches.Length);
            viewed.equal(copied).all().ToBoolean().Should().BeTrue();
            // The last patch of the last channel ends where the kernel's last step from the last position leads.
            long At(int d) => stride[d] * ((size[d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d]) + dilation[d] * (kernel[d] - 1);
            copied[1, -1, -1].ToDouble().Should().Be(padded[1, 2, At(0), At(1), At(2)].ToDouble());
        }
    }

    [Fact]
    public void Types_that_are_not_copied_by_rows_have_patches_too()
    {
        using var scope = NewDisposeScope();
        using var workspace = new Workspace();
        var patches = new Patches(2, [1, 5, 6], [1, 2, 3], [1, 1, 1], [1, 1, 1]);
        var padded = arange(2 * 30, dtype: ScalarType.Float32).view(1, 2, 5, 6);
        var expected = patches.Of(padded, workspace);
        var actual = patches.Of(padded.to(ScalarType.BFloat16), workspace);
        actual.dtype.Should().Be(ScalarType.BFloat16);
        actual.to(ScalarType.Float32).equal(expected).all().ToBoolean().Should().BeTrue("whole numbers to 255 are exact");
    }
}
