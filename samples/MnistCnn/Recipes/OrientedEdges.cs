using MnistCnn.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace MnistCnn.Recipes;

/// <summary>
/// The fixed first layer of the best recipe: a convolution with filters that are known before any image is seen, ReLU,
/// blurred down to 14 x 14, and each of the maps normalised by itself. It is a short form of a scattering network, with
/// which private learning starts far ahead of learning its own edges (Tramer and Boneh, "Differentially Private Learning
/// Needs Better Features", 2021).
/// </summary>
/// <remarks>
/// It is computed once for each image and kept. Nothing in it is learned, from these images or from any others, and each
/// image is treated by itself, so it costs no privacy: an image added or removed changes no other one's maps.
/// </remarks>
public static class OrientedEdges
{
    /// <summary>Edges in 8 directions, and lines in 8 orientations, brighter than what is beside them or darker.</summary>
    public const int Maps = 8 + 2 * 8;

    /// <summary>Width and height of a map.</summary>
    public const int Side = 14;

    private const int Orientations = 8;
    private const int ImageSide = 28;
    private const int Reach = 3;            // pixels to each side of a filter's centre
    private const double FilterScale = 1;   // standard deviation of the filters' Gaussian, in pixels
    private const double BlurScale = 2;     // the same of the blur
    private const int ChunkSize = 500;      // bounds the memory for maps of full size

    /// <summary>A data set with maps in the place of the images.</summary>
    /// <param name="data">The data set, which stays the caller's. The labels are shared.</param>
    public static MnistData Of(MnistData data) => new(data.Name, Of(data.Train), Of(data.Test));

    /// <summary>Computes the maps of images.</summary>
    /// <param name="images">[N, 1, 28, 28].</param>
    /// <returns>[N, 24, 14, 14].</returns>
    public static Tensor Of(Tensor images)
    {
        using var scope = NewDisposeScope();
        var blur = Blur();
        var maps = zeros(images.shape[0], Maps, Side, Side);
        for (var start = 0L; start < images.shape[0]; start += ChunkSize)
        {
            using var chunk = NewDisposeScope();
            var length = Math.Min(ChunkSize, images.shape[0] - start);
            var small = blur.matmul(Responses(images.narrow(0, start, length))).matmul(blur.t());
            maps.narrow(0, start, length).copy_(Normalized(small));
        }
        return maps.MoveToOuterDisposeScope();
    }

    /// <summary>What each filter sees at each pixel, [N, 24, 28, 28]: first the 8 edge filters, then the 16 line filters.</summary>
    internal static Tensor Responses(Tensor images)
    {
        using var filters = Filters();
        return nn.functional.conv2d(images, filters, padding: [Reach, Reach]).relu_();
    }

    private static Examples Of(Examples examples) => new(Of(examples.Images), examples.Labels.alias());

    /// <summary>Each map to mean 0 and variance 1 over its own 196 values.</summary>
    private static Tensor Normalized(Tensor maps) => nn.functional.instance_norm(maps, eps: 1e-8);

    /// <summary>[24, 1, 7, 7]: the first and second derivatives of a Gaussian along each direction.</summary>
    private static Tensor Filters()
    {
        using var scope = NewDisposeScope();
        var axis = arange(-Reach, Reach + 1, float64) / FilterScale;
        var gaussian = (-axis.square() / 2).exp();
        gaussian = gaussian / gaussian.sum();
        var first = axis * gaussian;
        var second = (axis.square() - 1) * gaussian;
        second = second - second.sum() * gaussian;   // cut off at 3 pixels, it would see something in an even grey

        var (slopeX, slopeY) = (outer(gaussian, first), outer(first, gaussian));
        var (bendX, bendXY, bendY) = (outer(gaussian, second), outer(first, first), outer(second, gaussian));
        var directions = Enumerable.Range(0, Orientations).Select(i => (double)i / Orientations).ToList();
        var edges = directions.Select(turn => Math.SinCos(2 * Math.PI * turn)).Select(d => d.Cos * slopeX + d.Sin * slopeY).ToList();
        var lines = directions.Select(turn => Math.SinCos(Math.PI * turn))
            .Select(d => d.Cos * d.Cos * bendX + 2 * d.Cos * d.Sin * bendXY + d.Sin * d.Sin * bendY).ToList();
        var filters = edges.Concat(lines).Concat(lines.Select(line => -line));
        return stack(filters).unsqueeze(1).to(float32).MoveToOuterDisposeScope();
    }

    /// <summary>[14, 28]: Gaussian weights around the middle of every two pixels. Applied to rows and columns.</summary>
    private static Tensor Blur()
    {
        const double stride = (double)ImageSide / Side;
        var centres = (arange(Side, float64) + 0.5) * stride - 0.5;
        var weights = (-(arange(ImageSide, float64) - centres.unsqueeze(1)).square() / (2 * BlurScale * BlurScale)).exp();
        return (weights / weights.sum(dim: 1L, keepdim: true)).to(float32);
    }
}
