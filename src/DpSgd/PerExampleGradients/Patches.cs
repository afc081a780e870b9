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

    private readonly int[] _padded = [.. Enumerable.Range(0, 3).Select(d => Before[d] + InputSize[d] + After[d])];

    private readonly int[] _output =
    [
        .. Enumerable.Range(0, 3).Select(d => (Before[d] + InputSize[d] + After[d] - Dilation[d] * (Kernel[d] - 1) - 1) / Stride[d] + 1),
    ];

    /// <summary>Number of values in a patch: channels times kernel.</summary>
    public int Length => Channels * Kernel[0] * Kernel[1] * Kernel[2];

    /// <summary>Number of output positions.</summary>
    public int Positions => _output[0] * _output[1] * _output[2];

    /// <summary>Number of values of an example.</summary>
    public int InputLength => Channels * InputSize[0] * InputSize[1] * InputSize[2];

    /// <summary>Number of values of a padded example.</summary>
    public int PaddedLength => Channels * _padded[0] * _padded[1] * _padded[2];

    /// <summary>Whether there is any padding.</summary>
    public bool IsPadded => PaddedLength > InputLength;

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
    /// <param name="padded">The padded example.</param>
    /// <param name="first">The first position.</param>
    /// <param name="count">Number of positions.</param>
    /// <param name="destination">Where they go, one after the other.</param>
    /// <param name="distance">From the start of one to the start of the next; at least the length of a patch and <see cref="Overhang"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public unsafe void Copy<T>(T* padded, int first, int count, T* destination, int distance)
        where T : unmanaged
    {
        var end = padded + PaddedLength;
        int rows = _padded[1], width = _padded[2], run = Kernel[2], step = Dilation[2];
        for (var position = first; position < first + count; position++)
        {
            var x = position % _output[2];
            var y = position / _output[2] % _output[1];
            var z = position / _output[2] / _output[1];
            var to = destination;
            for (var channel = 0; channel < Channels; channel++)
            {
                for (var kz = 0; kz < Kernel[0]; kz++)
                {
                    var plane = (channel * _padded[0] + z * Stride[0] + kz * Dilation[0]) * rows;
                    var from = padded + (long)(plane + y * Stride[1]) * width + x * Stride[2];
                    for (var ky = 0; ky < Kernel[1]; ky++)
                    {
                        CopyRun(from, to, run, step, end);
                        to += run;
                        from += (long)Dilation[1] * width;
                    }
                }
            }
            destination += distance;
        }
    }

    /// <summary>Short runs are copied as one vector; what is too much is overwritten by the next run, or in the overhang.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void CopyRun<T>(T* from, T* to, int run, int step, T* end)
        where T : unmanaged
    {
        if (step == 1 && run <= Vector128<T>.Count && from + Vector128<T>.Count <= end)
            Vector128.Load(from).Store(to);
        else if (step == 1 && run <= Vector256<T>.Count && from + Vector256<T>.Count <= end)
            Vector256.Load(from).Store(to);
        else
        {
            for (var x = 0; x < run; x++)
                to[x] = from[x * step];
        }
    }
}
