using System.Globalization;

namespace DpSgd.ML;

/// <summary>
/// Bounds of a value that are known without looking at the data, so that scaling by them learns nothing. Values beyond them
/// are taken to be the bound.
/// </summary>
public readonly record struct ValueRange
{
    /// <summary>From a least to a greatest value.</summary>
    /// <param name="minimum">The least value, finite.</param>
    /// <param name="maximum">The greatest value, finite and greater than <paramref name="minimum"/>; half their difference is a normal float.</param>
    /// <exception cref="ArgumentOutOfRangeException">A bound is NaN or infinite, or they are not in order, or so near to each other that nothing can be divided by what is between them.</exception>
    public ValueRange(float minimum, float maximum)
    {
        if (!float.IsFinite(minimum) || !float.IsFinite(maximum - minimum) || !(minimum < maximum) || !float.IsNormal((maximum - minimum) / 2))
        {
            throw new ArgumentOutOfRangeException(
                nameof(maximum), maximum,
                string.Create(CultureInfo.InvariantCulture, $"minimum must be finite, and maximum finite and greater than it by more than the smallest floats, but they are {minimum} and {maximum}."));
        }
        Minimum = minimum;
        Maximum = maximum;
    }

    /// <summary>The least value.</summary>
    public float Minimum { get; }

    /// <summary>The greatest value.</summary>
    public float Maximum { get; }

    /// <summary>False for <c>default</c>, which is no range.</summary>
    internal bool IsValid => Minimum < Maximum;

    /// <summary>From the range to [-1, 1]; NaN stays NaN.</summary>
    internal float Scale(float value) => (Math.Clamp(value, Minimum, Maximum) - Middle) / Half;

    /// <summary>From [-1, 1] to the range, and beyond it in both directions.</summary>
    internal float Unscale(float value) => Middle + Half * value;

    internal float Middle => Minimum + Half;

    internal float Half => (Maximum - Minimum) / 2;
}
