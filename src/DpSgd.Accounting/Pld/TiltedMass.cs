namespace DpSgd.Accounting;

/// <summary>
/// The composed loss under a tilt t, on the points of one window: <c>P e^(t loss - K)</c> with K the logarithm of its
/// sum. From it the hockey-stick divergence of P from Q at every epsilon in the window, bounded from above or below.
/// </summary>
/// <param name="mass">The tilted mass of each point, up to rounding.</param>
/// <param name="firstPoint">Index of the first point.</param>
/// <param name="interval">Distance of the points.</param>
/// <param name="tilt">The tilt t, at least zero.</param>
/// <param name="logMoment">K.</param>
/// <param name="error">
/// Bound on the tilted mass that is missing or wrong: positive for an upper bound of the divergence, negative for a lower.
/// </param>
/// <param name="errorBelow">Bound on the tilted mass below the first point, which epsilons that are smaller still miss.</param>
internal sealed class TiltedMass(
    CircularMass mass, double firstPoint, double interval, double tilt, double logMoment, double error, double errorBelow)
{
    /// <summary>No loss at all.</summary>
    public static TiltedMass Nothing { get; } = new(new CircularMass([0], 0, 1), 0, 1, 0, 0, 0, 0);

    /// <summary>The loss at the first point. An epsilon that is below is not looked for.</summary>
    public double LowestLoss => Loss(0);

    private readonly double _step = Math.Exp(-tilt * interval);
    private readonly double _stepOfQ = Math.Exp(-(tilt + 1) * interval);
    private readonly double _gain = -Elementary.Expm1(-interval);

    // The suffix sums below repeat one rounding error at every point.
    private readonly double _rounding = 1 + Math.Sign(error) * 2.3e-16 * mass.Length;

    /// <summary>The least epsilon whose divergence is at most delta, among those that are at least zero.</summary>
    /// <param name="delta">Positive.</param>
    /// <param name="largestLoss">Bound on epsilon that holds anyway.</param>
    public double Epsilon(double delta, double largestLoss)
    {
        // Relative to e^(K - t loss): the divergence, and the mass of Q above the loss times e^loss.
        var (divergence, massOfQ) = (0.0, 0.0);
        var offset = Math.Log(delta) - logMoment;
        var top = mass.Length - 1;
        for (var i = top; i >= 0; i--)
        {
            var (above, aboveOfQ) = (divergence, massOfQ);
            divergence = _step * (above + _gain * aboveOfQ);
            massOfQ = mass[i] + _stepOfQ * aboveOfQ;
            var target = Math.Exp(offset + tilt * Loss(i));
            if (_rounding * divergence + error < target)
                continue;

            // At the top only the error is left, which falls with e^(-t epsilon).
            if (i == top)
                return tilt == 0 ? largestLoss : Math.Clamp((Math.Log(error) - offset) / tilt, 0, largestLoss);
            return Between(i, above, aboveOfQ, offset, largestLoss);
        }

        // Below all points the mass of Q above no longer changes, as far as it is known. The first point itself will do.
        return Between(-1, divergence, massOfQ, offset, largestLoss);
    }

    /// <summary>The divergence at an epsilon.</summary>
    /// <param name="epsilon">At least zero.</param>
    public double Delta(double epsilon)
    {
        var (divergence, massOfQ) = (0.0, 0.0);
        var i = mass.Length - 1;
        if (epsilon > Loss(i))
            return Math.Exp(logMoment - tilt * epsilon) * error;
        for (; i >= 0 && Loss(i) > epsilon; i--)
            (divergence, massOfQ) = (_step * (divergence + _gain * massOfQ), mass[i] + _stepOfQ * massOfQ);

        // From the point i + 1, the last above epsilon.
        var next = Loss(i + 1);
        var finite = divergence - Elementary.Expm1(epsilon - next) * massOfQ;
        var wrong = i >= 0 ? error * Math.Exp(tilt * (next - epsilon)) : ErrorBelow(next);
        return Math.Exp(logMoment - tilt * next) * (_rounding * finite + wrong);
    }

    // Errors at zero epsilon, relative to the first point: nowhere below it are they larger.
    private double ErrorBelow(double next) => (error + errorBelow) * Math.Exp(tilt * Math.Max(0, next));

    private double Between(int i, double divergence, double massOfQ, double offset, double largestLoss)
    {
        // Between two points the divergence is linear in e^epsilon. The error counts as at the lower point.
        var next = Loss(i + 1);
        var target = Math.Exp(offset + tilt * next);
        if (massOfQ == 0)
            return Math.Clamp(next, 0, largestLoss);
        var excess = (_rounding * divergence + (i >= 0 ? error / _step : ErrorBelow(next)) - target) / massOfQ;
        var epsilon = excess <= -1 ? double.NegativeInfinity : next + Elementary.Log1p(excess);
        epsilon = Math.Clamp(epsilon, i >= 0 ? Loss(i) : double.NegativeInfinity, next);
        return Math.Clamp(epsilon, 0, largestLoss);
    }

    private double Loss(int i) => (firstPoint + i) * interval;
}
