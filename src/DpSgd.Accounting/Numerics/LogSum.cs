namespace DpSgd.Accounting;

/// <summary>A sum of positive numbers given by their logarithms, kept relative to the largest so that nothing overflows.</summary>
internal struct LogSum()
{
    // Terms e^55 times smaller than the largest cannot change the sum, however many there are.
    private const double Negligible = 55;

    private double _largest = double.NegativeInfinity;
    private double _sum;

    /// <summary>Logarithm of the sum; negative infinity when nothing, or only zeros, were added.</summary>
    public readonly double Value => _sum == 0 ? double.NegativeInfinity : _largest + Math.Log(_sum);

    /// <summary>Whether a number that is at most e^<paramref name="logTerm"/> may be left out.</summary>
    /// <param name="logTerm">Logarithm of an upper bound.</param>
    public readonly bool MayLeaveOut(double logTerm) => logTerm < _largest - Negligible;

    /// <summary>Adds e^<paramref name="logTerm"/>.</summary>
    /// <param name="logTerm">Logarithm of the number; negative infinity stands for zero, positive infinity makes the sum infinite.</param>
    public void Add(double logTerm)
    {
        if (logTerm <= _largest)
        {
            // At infinity there is no difference to take, and nothing that could change the sum.
            if (double.IsFinite(_largest))
                _sum += Math.Exp(logTerm - _largest);
            return;
        }

        _sum = _sum == 0 ? 1 : _sum * Math.Exp(_largest - logTerm) + 1;
        _largest = logTerm;
    }
}
