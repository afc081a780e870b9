namespace DpSgd.Accounting;

/// <summary>Probabilities on a circle, read from one point on in one direction.</summary>
/// <param name="circle">As many as a power of two. Rounding may have made some of them negative, which count as zero.</param>
/// <param name="start">Where the first one is.</param>
/// <param name="direction">One or minus one.</param>
internal readonly struct CircularMass(double[] circle, int start, int direction)
{
    /// <summary>Points of the circle.</summary>
    public int Length => circle.Length;

    /// <summary>The probability so many points after the first.</summary>
    public double this[int i] => Math.Max(0, circle[(start + direction * i) & (circle.Length - 1)]);
}
