using DpSgd.PerExampleGradients;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.Tests.PerExampleGradients;

public class PatchesTests
{
    public static TheoryData<int[], int[], int[], int[], int[], int[]> Shapes => new()
    {
        { [1, 1, 30], [0, 0, 0], [0, 0, 0], [1, 1, 3], [1, 1, 1], [1, 1, 2] },
        { [1, 1, 30], [0, 0, 1], [0, 0, 2], [1, 1, 4], [1, 1, 3], [1, 1, 1] },
        { [1, 9, 12], [0, 1, 1], [0, 1, 1], [1, 3, 3], [1, 1, 1], [1, 1, 1] },
        { [1, 9, 12], [0, 0, 0], [0, 0, 0], [1, 2, 8], [1, 2, 3], [1, 3, 1] },
        { [1, 4, 12], [0, 0, 3], [0, 0, 0], [1, 2, 11], [1, 1, 1], [1, 1, 1] },
        { [5, 6, 7], [1, 0, 2], [0, 1, 2], [2, 3, 2], [2, 1, 1], [1, 2, 3] },
        { [4, 5, 12], [0, 0, 0], [0, 0, 0], [2, 1, 4], [1, 2, 1], [2, 1, 1] },
        { [1, 3, 4], [0, 0, 0], [0, 0, 0], [1, 1, 1], [1, 1, 1], [1, 1, 1] },
    };

    /// <summary>What runs on other devices gives what the rows copied here give, and both what libtorch's index says.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void Copied_runs_and_views_are_the_same(int[] size, int[] before, int[] after, int[] kernel, int[] stride, int[] dilation)
    {
        using var scope = NewDisposeScope();
        var patches = new Patches(3, size, before, after, kernel, stride, dilation);
        // Values that no two places share; padding is zero.
        var input = arange(1, 1 + 2 * patches.InputLength, dtype: ScalarType.Float32).view(2, 3, size[0], size[1], size[2]);

        var viewed = patches.Of(input);
        var copied = stack([Copied<float>(patches, input[0]), Copied<float>(patches, input[1])]);
        var doubles = stack([Copied<double>(patches, input[0].to(ScalarType.Float64)), Copied<double>(patches, input[1].to(ScalarType.Float64))]);

        viewed.shape.Should().Equal(2, patches.Positions, patches.Length);
        viewed.equal(copied).all().ToBoolean().Should().BeTrue();
        viewed.equal(doubles).all().ToBoolean().Should().BeTrue();
        // The last patch of the last channel ends where the kernel's last step from the last position leads.
        var padded = nn.functional.pad(input, [before[2], after[2], before[1], after[1], before[0], after[0]]);
        long At(int d) => stride[d] * ((padded.shape[2 + d] - dilation[d] * (kernel[d] - 1) - 1) / stride[d]) + dilation[d] * (kernel[d] - 1);
        copied[1, -1, -1].ToDouble().Should().Be(padded[1, 2, At(0), At(1), At(2)].ToDouble());
    }

    /// <summary>Copies in two goes, with other distances, and looks that nothing but the overhang was touched.</summary>
    private static unsafe Tensor Copied<T>(Patches patches, Tensor example)
        where T : unmanaged, System.Numerics.INumber<T>
    {
        var source = example.contiguous().data<T>().ToArray();
        var padded = new T[patches.PaddedLength + Patches.Overhang];
        var distance = patches.Length + Patches.Overhang + 3;
        var room = new T[patches.Positions * distance];
        var untouched = T.CreateChecked(-1);
        Array.Fill(room, untouched);
        fixed (T* from = source, to = padded, destination = room)
        {
            patches.Pad(from, to);
            var half = patches.Positions / 2;
            patches.Copy(to, 0, half, destination, distance);
            patches.Copy(to, half, patches.Positions - half, destination + half * distance, distance);
        }
        for (var position = 0; position < patches.Positions; position++)
            room.AsSpan(position * distance + patches.Length + Patches.Overhang, 3).ToArray().Should().AllBeEquivalentTo(untouched);
        return tensor(Array.ConvertAll(room, double.CreateChecked)).to(ScalarType.Float32).view(patches.Positions, distance).narrow(1, 0, patches.Length);
    }
}
