using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using TorchSharp;
using static TorchSharp.torch;

namespace DpSgd.PerExampleGradients;

/// <summary>
/// The patches of a padded input that a convolution's kernel sees, one for each output position: what turns a convolution
/// into a matrix product. In one, two or three spatial dimensions; with fewer than three the leading ones have size one.
/// </summary>
/// <param name="Channels">Number of channels of the input.</param>
/// <param name="Size">Size of the padded input in each spatial dimension, three of them.</param>
/// <param name="Kernel">Size of the kernel.</param>
/// <param name="Stride">Stride.</param>
/// <param name="Dilation">Dilation.</param>
/// <remarks>
/// libtorch's own unfold copies value by value and takes longer than the products that follow it. Here whole rows are
/// copied: along the output where the stride is one, else along the kernel. One thread does it, since waking others takes
/// longer, and delays libtorch's threads in the operation that follows.
/// </remarks>
internal sealed record Patches(int Channels, int[] Size, int[] Kernel, int[] Stride, int[] Dilation)
{
    private const int RowWorthCopying = 8;

    private readonly int[] _output = [.. Enumerable.Range(0, 3).Select(d => (Size[d] - Dilation[d] * (Kernel[d] - 1) - 1) / Stride[d] + 1)];

    /// <summary>Number of values in a patch: channels times kernel.</summary>
    public int Length => Channels * Kernel[0] * Kernel[1] * Kernel[2];

    /// <summary>Number of output positions.</summary>
    public int Positions => _output[0] * _output[1] * _output[2];

    /// <summary>The patches of some examples.</summary>
    /// <param name="padded">[B, C, D, H, W], or without the leading spatial dimensions; contiguous.</param>
    /// <param name="workspace">Where they may be put.</param>
    /// <returns>[B, positions, patch], as a view of whichever layout was quicker to fill.</returns>
    public Tensor Of(Tensor padded, Workspace workspace)
    {
        if (padded.device_type != DeviceType.CPU || padded.dtype is not (ScalarType.Float32 or ScalarType.Float64))
            return OfAnyDevice(padded);
        var examples = padded.shape[0];
        var alongOutput = Stride[2] == 1 && _output[2] >= RowWorthCopying;
        var patches = alongOutput
            ? workspace.Rent(padded.dtype, examples, Length, Positions)
            : workspace.Rent(padded.dtype, examples, Positions, Length);
        if (padded.dtype == ScalarType.Float32)
            Copy<float>(padded, patches, alongOutput);
        else
            Copy<double>(padded, patches, alongOutput);
        return alongOutput ? patches.transpose(1, 2) : patches;
    }

    /// <summary>The same with libtorch alone, for every device and type: overlapping views, made dense.</summary>
    public Tensor OfAnyDevice(Tensor padded)
    {
        var examples = padded.shape[0];
        var view = padded.view(examples, Channels, Size[0], Size[1], Size[2]);
        for (var d = 0; d < 3; d++)
        {
            var reach = Dilation[d] * (Kernel[d] - 1) + 1;
            view = view.unfold(2 + d, reach, Stride[d]).slice(-1, 0, reach, Dilation[d]);
        }
        return view.permute(0, 1, 5, 6, 7, 2, 3, 4).reshape(examples, Length, Positions).transpose(1, 2);
    }

    private unsafe void Copy<T>(Tensor padded, Tensor patches, bool alongOutput)
        where T : unmanaged
    {
        var source = Start<T>(padded);
        var destination = Start<T>(patches);
        for (var example = 0L; example < padded.shape[0]; example++)
        {
            if (alongOutput)
                CopyAlongOutput(source, destination);
            else
                CopyAlongKernel(source, destination);
            source += (long)Channels * Size[0] * Size[1] * Size[2];
            destination += (long)Length * Positions;
        }
    }

    /// <summary>[patch, positions]: each row is a run of the input.</summary>
    private unsafe void CopyAlongOutput<T>(T* source, T* destination)
        where T : unmanaged
    {
        int width = Size[2], row = _output[2];
        for (var channel = 0; channel < Channels; channel++)
        {
            for (var kz = 0; kz < Kernel[0]; kz++)
            {
                for (var ky = 0; ky < Kernel[1]; ky++)
                {
                    for (var kx = 0; kx < Kernel[2]; kx++)
                    {
                        for (var z = 0; z < _output[0]; z++)
                        {
                            var plane = (channel * Size[0] + z * Stride[0] + kz * Dilation[0]) * Size[1];
                            for (var y = 0; y < _output[1]; y++)
                            {
                                var from = source + (long)(plane + y * Stride[1] + ky * Dilation[1]) * width + kx * Dilation[2];
                                new ReadOnlySpan<T>(from, row).CopyTo(new Span<T>(destination, row));
                                destination += row;
                            }
                        }
                    }
                }
            }
        }
    }

    /// <summary>[positions, patch]: each patch is made of runs of the kernel's width.</summary>
    private unsafe void CopyAlongKernel<T>(T* source, T* destination)
        where T : unmanaged
    {
        int width = Size[2], run = Kernel[2], step = Dilation[2];
        for (var z = 0; z < _output[0]; z++)
        {
            for (var y = 0; y < _output[1]; y++)
            {
                for (var x = 0; x < _output[2]; x++)
                {
                    for (var channel = 0; channel < Channels; channel++)
                    {
                        for (var kz = 0; kz < Kernel[0]; kz++)
                        {
                            var plane = (channel * Size[0] + z * Stride[0] + kz * Dilation[0]) * Size[1];
                            var from = source + (long)(plane + y * Stride[1]) * width + x * Stride[2];
                            for (var ky = 0; ky < Kernel[1]; ky++)
                            {
                                CopyRun(from, destination, run, step);
                                destination += run;
                                from += (long)Dilation[1] * width;
                            }
                        }
                    }
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void CopyRun<T>(T* from, T* to, int run, int step)
        where T : unmanaged
    {
        if (step == 1 && run == Vector256<T>.Count)
            Vector256.Load(from).Store(to);
        else if (step == 1 && run == Vector128<T>.Count)
            Vector128.Load(from).Store(to);
        else
        {
            for (var x = 0; x < run; x++)
                to[x] = from[x * step];
        }
    }

    private static unsafe T* Start<T>(Tensor tensor)
        where T : unmanaged =>
        tensor.numel() == 0 ? null : (T*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.view(-1).narrow(0, 0, 1).bytes));
}
