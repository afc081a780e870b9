namespace DpSgd.Accounting;

/// <summary>
/// The moment A of the sampled Gaussian mechanism at any order, by the trapezoidal rule. The integrand is analytic and
/// decays like a Gaussian, so the rule converges exponentially (Trefethen, Weideman, "The Exponentially Convergent
/// Trapezoidal Rule", SIAM Review 56, 2014), and a few dozen nodes give full precision.
/// </summary>
/// <remarks>
/// <para>
/// Let mu be the mixture (1 - q) N(0, sigma^2) + q N(1, sigma^2) and l(z) its logarithmic density ratio to
/// N(0, sigma^2). Then A = E[e^((order - 1) l)] over z ~ mu, and because E[e^-l] is one,
/// <c>A - 1 = E[R((order - 1) l)] + (order - 1) E[R(-l)]</c> with R(x) = e^x - 1 - x. Neither term is ever negative, so
/// nothing cancels: not for tiny q, not for huge sigma, and not when the order goes to one. The second expectation is
/// the Kullback-Leibler divergence and does not depend on the order.
/// </para>
/// <para>
/// Nodes are multiples of one step, so that all orders share them; the density ratio, the dear part, is computed once.
/// </para>
/// </remarks>
internal sealed class MixtureQuadrature
{
    // Everything that is left out, beyond the last node or between the nodes, is below e^-50 of the result.
    private const double Neglected = 50;

    // If no node's power e^((order - 1) l) exceeds e^600, plain doubles hold every power, every weight that matters (at
    // least e^-450) and every sum.
    private const double LargestPlainExponent = 600;

    private readonly double _samplingProbability;
    private readonly double _logSamplingProbability;
    private readonly double _noiseMultiplier;
    private readonly double _step;
    private readonly double _logStepDensity;
    private readonly double _reach;
    private readonly long _first;
    private readonly double[] _logRatio;
    private readonly double[] _logWeight;
    private readonly double[] _weight;
    private readonly double _divergence;

    /// <summary>The mechanism, and the nodes that all orders share.</summary>
    /// <param name="samplingProbability">Probability q, in (0, 1), with which each example is in the sample.</param>
    /// <param name="noiseMultiplier">Sigma, positive and finite, not so small that <see cref="DisjointMixture"/> applies.</param>
    /// <param name="largestOrder">The largest order that will be asked for.</param>
    public MixtureQuadrature(double samplingProbability, double noiseMultiplier, double largestOrder)
    {
        _samplingProbability = samplingProbability;
        _logSamplingProbability = Math.Log(samplingProbability);
        _noiseMultiplier = noiseMultiplier;
        _step = StepFor(noiseMultiplier);
        _logStepDensity = Math.Log(_step / noiseMultiplier / Math.Sqrt(2 * Math.PI));
        _reach = Math.Sqrt(2 * Neglected) * noiseMultiplier;

        // Where the ratio has become q e^y to within e^-50, the integrand of a high order is a Gaussian around z = order
        // and nothing else, and the order looks for it by itself. Up to there the nodes are shared.
        var plain = 0.5 + (Neglected - _logSamplingProbability) * noiseMultiplier * noiseMultiplier;
        _first = (long)Math.Floor(-_reach / _step);
        var last = (long)Math.Ceiling(Math.Max(2 + _reach, Math.Min(plain, largestOrder + _reach)) / _step);

        var count = checked((int)(last - _first + 1));
        _logRatio = new double[count];
        _logWeight = new double[count];
        _weight = new double[count];
        for (var i = 0; i < count; i++)
        {
            (_logRatio[i], _logWeight[i]) = Node(_first + i);
            _weight[i] = Math.Exp(_logWeight[i]);
            _divergence += _weight[i] * Elementary.ExpResidual(-_logRatio[i]);
        }
    }

    /// <summary>ln A.</summary>
    /// <param name="order">Order, greater than one and not above the largest that the nodes were made for.</param>
    public double LogMoment(double order)
    {
        var excess = order - 1;

        // The mass lies around z = order, but around z = 2 where the integrand still grows like e^2y.
        var outermost = Math.Max(order, 2) + _reach;
        var end = Math.Min(_logRatio.Length, (long)Math.Ceiling(outermost / _step) - _first + 1);
        var peak = (
            First: Math.Max(_first + _logRatio.Length, (long)Math.Floor((order - _reach) / _step)),
            Last: (long)Math.Ceiling((order + _reach) / _step));

        return excess * outermost / _noiseMultiplier / _noiseMultiplier < LargestPlainExponent
            ? LogMomentPlain(excess, (int)end, peak)
            : LogMomentOfLogs(excess, (int)end, peak);
    }

    private double LogMomentPlain(double excess, int end, (long First, long Last) peak)
    {
        var sum = excess * _divergence;
        for (var i = 0; i < end; i++)
            sum += _weight[i] * Elementary.ExpResidual(excess * _logRatio[i]);
        for (var j = peak.First; j <= peak.Last; j++)
        {
            var (logRatio, logWeight) = Node(j);
            sum += Math.Exp(logWeight) * Elementary.ExpResidual(excess * logRatio);
        }

        return Elementary.Log1p(sum);
    }

    private double LogMomentOfLogs(double excess, int end, (long First, long Last) peak)
    {
        // From the right, where the largest terms are, so that most of the others can be left out at a glance.
        var sum = new LogSum();
        for (var j = peak.Last; j >= peak.First; j--)
        {
            var (logRatio, logWeight) = Node(j);
            Add(ref sum, logWeight, excess * logRatio);
        }

        for (var i = end - 1; i >= 0; i--)
            Add(ref sum, _logWeight[i], excess * _logRatio[i]);
        sum.Add(Math.Log(excess * _divergence));
        return LogSpace.Log1pExp(sum.Value);
    }

    private static void Add(ref LogSum sum, double logWeight, double x)
    {
        // R(x) <= e^x for x >= 1.
        if (!(x >= 1 && sum.MayLeaveOut(logWeight + x)))
            sum.Add(logWeight + LogSpace.LogExpResidual(x));
    }

    /// <summary>The logarithm of the density ratio, and of step times density of the mixture, at one node.</summary>
    private (double LogRatio, double LogWeight) Node(long j)
    {
        var z = j * _step;
        var scaled = z / _noiseMultiplier;
        var logRatio = LogRatio((z - 0.5) / _noiseMultiplier / _noiseMultiplier);
        return (logRatio, logRatio - 0.5 * scaled * scaled + _logStepDensity);
    }

    /// <summary>ln(1 - q + q e^y), relatively accurate where it is near zero.</summary>
    private double LogRatio(double y)
    {
        if (y > 700)
            return LogSpace.LogAdd(Elementary.Log1p(-_samplingProbability), _logSamplingProbability + y);

        var change = _samplingProbability * Elementary.Expm1(y);
        return change > -0.5
            ? Elementary.Log1p(change)
            : Math.Log(1 - _samplingProbability + _samplingProbability * Math.Exp(y));
    }

    /// <summary>
    /// The step h for which the error e^(-2 pi d / h) on the line Im z = d, where the Gaussian density is e^(d^2 / 2
    /// sigma^2) times larger than on the real line, falls below the neglected part. The density ratio is never larger
    /// there than on the real line. Its zeros, where a fractional power branches, lie at Im z = pi sigma^2 and bound d.
    /// </summary>
    private static double StepFor(double noiseMultiplier)
    {
        var distance = Math.Min(Math.PI * noiseMultiplier, Math.Sqrt(2 * Neglected)) * noiseMultiplier;
        var scaled = distance / noiseMultiplier;
        return 2 * Math.PI * distance / (Neglected + 0.5 * scaled * scaled);
    }
}
