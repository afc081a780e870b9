using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The patches of a zero-padded input that a convolution's kernel sees, one for each output position: what turns a
/// convolution into a matrix product. In one, two or three spatial dimensions; with fewer than three the leading ones
/// have size one.
/// </summary>
/// <param name="Channels">Number of channels of the input.</param>
/// <param name="InputSize">Size of the input in each spatial dimension, three of them.</param>
/// <param name="Before">How many zeros go before it.</param>
/// <param name="After">How many zeros go behind it.</param>
/// <param name="Kernel">Size of the kernel.</param>
/// <param name="Stride">Stride.</param>
/// <param name="Dilation">Dilation.</param>
internal sealed record Patches(int Channels, int[] InputSize, int[] Before, int[] After, int[] Kernel, int[] Stride, int[] Dilation)
{
    /// <summary>How many values <see cref="Copy"/> may write behind the last patch.</summary>
    public const int Overhang = 8;

    private readonly int[] _padded = PaddedSize(InputSize, Before, After);

    private readonly int[] _output =
        [.. Enumerable.Range(0, 3).Select(d => (PaddedSize(InputSize, Before, After)[d] - Dilation[d] * (Kernel[d] - 1) - 1) / Stride[d] + 1)];

    private readonly int[] _runs = Runs(Channels, PaddedSize(InputSize, Before, After), Kernel, Dilation);

    /// <summary>Number of values in a patch: channels times kernel.</summary>
    public int Length => Channels * Kernel[0] * Kernel[1] * Kernel[2];

    /// <summary>Number of output positions.</summary>
    public int Positions => _output[0] * _output[1] * _output[2];

    /// <summary>Number of values of an example.</summary>
    public int InputLength => Channels * InputSize[0] * InputSize[1] * InputSize[2];

    /// <summary>Number of values of a padded example.</summary>
    public int PaddedLength => Channels * _padded[0] * _padded[1] * _padded[2];

    /// <summary>The patches of some examples, with libtorch alone, for every device and type: overlapping views, made dense.</summary>
    /// <param name="input">[B, C, ...], contiguous.</param>
    /// <returns>[B, positions, patch].</returns>
    public Tensor Of(Tensor input)
    {
        var examples = input.shape[0];
        var view = input.view(examples, Channels, InputSize[0], InputSize[1], InputSize[2]);
        view = nn.functional.pad(view, [Before[2], After[2], Before[1], After[1], Before[0], After[0]]);
        for (var d = 0; d < 3; d++)
        {
            var reach = Dilation[d] * (Kernel[d] - 1) + 1;
            view = view.unfold(2 + d, reach, Stride[d]).slice(-1, 0, reach, Dilation[d]);
        }
        return view.permute(0, 2, 3, 4, 1, 5, 6, 7).reshape(examples, Positions, Length);
    }

    /// <summary>Puts an example into the middle of room of <see cref="PaddedLength"/> that is zero at its edges.</summary>
    public unsafe void Pad<T>(T* example, T* padded)
        where T : unmanaged
    {
        var row = InputSize[2];
        for (var channel = 0; channel < Channels; channel++)
        {
            for (var z = 0; z < InputSize[0]; z++)
            {
                for (var y = 0; y < InputSize[1]; y++)
                {
                    var to = padded + ((channel * _padded[0] + z + Before[0]) * _padded[1] + y + Before[1]) * _padded[2] + Before[2];
                    new ReadOnlySpan<T>(example, row).CopyTo(new Span<T>(to, row));
                    example += row;
                }
            }
        }
    }

    /// <summary>Copies some patches of an example.</summary>
    /// <param name="padded">The padded example; up to <see cref="Overhang"/> values behind it may be read.</param>
    /// <param name="first">The first position.</param>
    /// <param name="count">Number of positions.</param>
    /// <param name="destination">Where they go, one after the other.</param>
    /// <param name="distance">From the start of one to the start of the next; at least the length of a patch and <see cref="Overhang"/>.</param>
    public unsafe void Copy<T>(T* padded, int first, int count, T* destination, int distance)
        where T : unmanaged
    {
        fixed (int* runs = _runs)
        {
            for (var position = first; position < first + count; position++)
            {
                var x = position % _output[2];
                var y = position / _output[2] % _output[1];
                var z = position / _output[2] / _output[1];
                var from = padded + ((long)z * Stride[0] * _padded[1] + y * Stride[1]) * _padded[2] + x * Stride[2];
                CopyRuns(from, runs, _runs.Length, Kernel[2], Dilation[2], destination);
                destination += distance;
            }
        }
    }

    /// <summary>
    /// Copies the rows of the kernel, one for each channel. Short ones are copied as one vector; what is too much is
    /// overwritten by the next one, or in the overhang.
    /// </summary>
    /// <remarks>Compiled by itself: as a part of its caller it runs at a third of the speed.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    private static unsafe void CopyRuns<T>(T* from, int* runs, int count, int run, int step, T* to)
        where T : unmanaged
    {
        if (step == 1 && run <= Vector128<T>.Count)
        {
            for (var i = 0; i < count; i++, to += run)
                Vector128.Load(from + runs[i]).Store(to);
        }
        else if (step == 1 && run <= Vector256<T>.Count)
        {
            for (var i = 0; i < count; i++, to += run)
                Vector256.Load(from + runs[i]).Store(to);
        }
        else
        {
            for (var i = 0; i < count; i++)
            {
                for (var x = 0; x < run; x++)
                    *to++ = from[runs[i] + x * step];
            }
        }
    }

    private static int[] PaddedSize(int[] size, int[] before, int[] after) =>
        [.. size.Select((n, d) => before[d] + n + after[d])];

    /// <summary>Where, from the first value of a patch in the padded input, each row of the kernel begins.</summary>
    private static int[] Runs(int channels, int[] padded, int[] kernel, int[] dilation)
    {
        var runs = new List<int>();
        for (var channel = 0; channel < channels; channel++)
        {
            for (var z = 0; z < kernel[0]; z++)
            {
                for (var y = 0; y < kernel[1]; y++)
                    runs.Add(((channel * padded[0] + z * dilation[0]) * padded[1] + y * dilation[1]) * padded[2]);
            }
        }
        return [.. runs];
    }
}
