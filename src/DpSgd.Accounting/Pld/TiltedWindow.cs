namespace DpSgd.Accounting;

/// <summary>
/// Where one hockey-stick divergence of a composed loss is decided: the exponential tilt under which the wanted epsilon
/// is an ordinary value of the loss, and the range that holds nearly all of the tilted mass. Under the tilt, rounding
/// errors are relative to the delta in question, however small it is.
/// </summary>
/// <remarks>
/// The divergence of Q from P is that of P from Q with the loss negated and every tilt t replaced by -1 - t.
/// </remarks>
/// <param name="Sign">One for the divergence of P from Q, minus one for that of Q from P.</param>
/// <param name="Tilt">The tilt t, at least zero.</param>
/// <param name="Low">Lower end of the range of the loss.</param>
/// <param name="High">Upper end.</param>
/// <param name="LowTilt">Tilt that bounds the mass below the lower end (Chernoff).</param>
/// <param name="HighTilt">Tilt that bounds the mass above the upper end.</param>
/// <param name="Deviation">Standard deviation of the composed loss under the tilt.</param>
/// <param name="Middle">The ordinary value of the loss under the tilt.</param>
/// <param name="LogDelta">ln of about the delta in question.</param>
internal readonly record struct TiltedWindow(
    int Sign, double Tilt, double Low, double High, double LowTilt, double HighTilt, double Deviation, double Middle, double LogDelta)
{
    // The mass outside of the window is below e^-20 of delta, and is added to delta all the same.
    private const double Outside = 20;

    private static readonly double SqrtTwoPi = Math.Sqrt(2 * Math.PI);

    /// <summary>The tilt in the loss of P over Q.</summary>
    public double TiltOfP => TiltOf(Sign, Tilt);

    /// <summary>
    /// The upper part of the window: enough for an upper bound at epsilons that are not below its middle. The mass below
    /// comes in again from the top of the circle, e^(-t width) times as heavy in delta as it was, and does no harm.
    /// </summary>
    public TiltedWindow UpperPart() => this with { Low = Math.Max(Low, Math.Min(Middle - Deviation, High - (Outside - LogDelta) / Tilt)) };

    /// <summary>The window around the epsilon that belongs to a delta.</summary>
    public static TiltedWindow ForDelta(LossSketch sketch, int sign, double delta)
    {
        // The saddle point approximation of delta, its prefactor included.
        var logDelta = Math.Log(delta);
        return At(sketch, sign, FindTilt(sketch, sign, (t, c) => t * c.Mean - c.LogMoment + LogPrefactor(t, c.Variance) + logDelta));
    }

    /// <summary>The window around an epsilon.</summary>
    public static TiltedWindow ForEpsilon(LossSketch sketch, int sign, double epsilon) =>
        // Beyond all losses there is nothing to look at.
        At(sketch, sign, epsilon >= Most(sketch, sign) ? 0 : FindTilt(sketch, sign, (_, c) => c.Mean - epsilon));

    private static double TiltOf(int sign, double tilt) => sign > 0 ? tilt : -1 - tilt;

    private static double LogPrefactor(double tilt, double variance) =>
        Elementary.Log1p(tilt * (tilt + 1) * Math.Sqrt(variance) * SqrtTwoPi);

    private static (double LogMoment, double Mean, double Variance) Cumulants(LossSketch sketch, int sign, double tilt)
    {
        var (logMoment, mean, variance) = sketch.Cumulants(TiltOf(sign, tilt));
        return (logMoment, sign * mean, variance);
    }

    private static double Most(LossSketch sketch, int sign) => sign > 0 ? sketch.LargestLoss : -sketch.SmallestLoss;

    private static TiltedWindow At(LossSketch sketch, int sign, double tilt)
    {
        var here = Cumulants(sketch, sign, tilt);
        var logPrefactor = LogPrefactor(tilt, here.Variance);
        var (high, highTilt) = End(sketch, sign, tilt, 1, Outside + logPrefactor);
        var (low, lowTilt) = End(sketch, sign, tilt, -1, Outside + logPrefactor);
        var logDelta = here.LogMoment - tilt * here.Mean - logPrefactor;
        return new(sign, tilt, low, high, lowTilt, highTilt, Math.Sqrt(here.Variance), here.Mean, logDelta);
    }

    /// <summary>The tilt where an increasing function is zero, to a few per cent; zero when it is never below zero.</summary>
    private static double FindTilt(LossSketch sketch, int sign, Func<double, (double LogMoment, double Mean, double Variance), double> function)
    {
        var start = Cumulants(sketch, sign, 0);
        if (function(0, start) >= 0)
            return 0;
        var (low, high) = (0.0, 1 / Math.Sqrt(Math.Max(start.Variance, 1e-300)));
        for (var c = Cumulants(sketch, sign, high); function(high, c) < 0; c = Cumulants(sketch, sign, high))
        {
            // At the end of the losses there is nothing left to tilt towards.
            if (high * (Most(sketch, sign) - c.Mean) < 0.5)
                break;
            (low, high) = (high, 2 * high);
        }

        for (var i = 0; i < 60 && high - low > 0.02 * high; i++)
        {
            var middle = 0.5 * (low + high);
            if (function(middle, Cumulants(sketch, sign, middle)) < 0)
                low = middle;
            else
                high = middle;
        }

        return 0.5 * (low + high);
    }

    /// <summary>The loss beyond which the tilted mass is below e^-<paramref name="outside"/>, by the best Chernoff bound.</summary>
    private static (double Loss, double Tilt) End(LossSketch sketch, int sign, double tilt, int side, double outside)
    {
        var (logMoment, _, variance) = Cumulants(sketch, sign, tilt);
        var (low, high) = (0.0, Math.Sqrt(2 * outside / Math.Max(variance, 1e-300)));
        var most = side > 0 ? Most(sketch, sign) : Most(sketch, -sign);

        // Increasing in the distance from the tilt, and so much where the bound is best.
        double Depth(double distance, out double mean)
        {
            var there = Cumulants(sketch, sign, tilt + side * distance);
            mean = there.Mean;
            return side * distance * there.Mean - there.LogMoment + logMoment;
        }

        for (var depth = Depth(high, out var mean); depth < outside; depth = Depth(high, out mean))
        {
            if (high * (most - side * mean) < 0.5)
                break;
            (low, high) = (high, 2 * high);
        }

        for (var i = 0; i < 60 && high - low > 0.02 * high; i++)
        {
            var middle = 0.5 * (low + high);
            if (Depth(middle, out _) < outside)
                low = middle;
            else
                high = middle;
        }

        var end = side * (Cumulants(sketch, sign, tilt + side * high).LogMoment - logMoment + outside) / high;
        return (end, tilt + side * high);
    }
}
