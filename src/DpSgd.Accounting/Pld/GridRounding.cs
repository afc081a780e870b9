namespace DpSgd.Accounting;

/// <summary>Puts the losses of a pair on a grid, so that nothing is lost or so that nothing is gained.</summary>
internal static class GridRounding
{
    // Smaller probabilities are no longer accurate doubles. They go where they cannot lower epsilon.
    private const double SmallestMass = 1e-300;

    // Beyond this e^loss nears the end of the doubles.
    private const double LargestPlainLoss = 600;

    /// <summary>
    /// A pair that dominates the given one: the mass of every cell between two grid points is split between both, so
    /// that the cell keeps its probability under P and under Q. The total mass stays one, and the hockey-stick
    /// divergence is exact at all grid points and an upper bound between them (Doroshenko, Ghazi, Kamath, Kumar,
    /// Manurangsi, "Connect the Dots", arXiv:2207.04380).
    /// </summary>
    public static GridLoss Above(DominatingPair pair, double interval, double logNeglected)
    {
        var (first, points) = Points(pair, 0, interval, logNeglected);
        var (cellP, cellQ) = Cells(pair, first, interval, points);
        var p = new double[points];
        var (infinite, infiniteOfQ) = (pair.InfiniteMass, pair.InfiniteMassOfQ);
        var width = -Elementary.Expm1(-interval);

        // Below the first point: what Q has more there than the point itself can carry is lost to infinity.
        p[0] = cellP[0];
        infiniteOfQ += cellP[0] < SmallestMass ? cellQ[0] : Math.Max(0, cellQ[0] - cellP[0] * Math.Exp(-first * interval));
        for (var i = 1; i < points; i++)
        {
            var left = (first + i - 1) * interval;
            var up = left > LargestPlainLoss
                ? cellP[i]
                : Math.Clamp((cellP[i] - Math.Exp(left) * cellQ[i]) / width, 0, cellP[i]);
            p[i - 1] += cellP[i] - up;
            p[i] += up;

            // What P cannot be seen of cannot carry Q.
            if (cellP[i] < SmallestMass)
                infiniteOfQ += cellQ[i];
        }

        var last = (first + points - 1) * interval;
        var kept = last > LargestPlainLoss ? 0 : Math.Min(cellP[points], Math.Exp(last) * cellQ[points]);
        p[^1] += kept;
        infinite += cellP[points] - kept;
        for (var i = 0; i < points; i++)
        {
            if (p[i] is > 0 and < SmallestMass)
            {
                infinite += p[i];
                p[i] = 0;
            }
        }

        return new GridLoss(first, 0, interval, p, infinite, infiniteOfQ);
    }

    /// <summary>
    /// A pair that the given one dominates: outputs on both sides of a grid point are merged, as a function of the
    /// output would do, in such a proportion that together they have the loss of that point. What is left over at the
    /// ends is dropped.
    /// </summary>
    /// <remarks>
    /// The grid is shifted so that the largest loss has a point of its own, because where there is one it is likely; or else
    /// what lies around zero, where those are who were not sampled: merged into any other point it would take all of the rare
    /// large losses with it, and nothing would be left to see.
    /// </remarks>
    public static GridLoss Below(DominatingPair pair, double interval, double logNeglected)
    {
        var shift = ShiftOf(pair, interval);
        var (first, points) = Points(pair, shift, interval, logNeglected);

        // Half cells, so that every point has one on each side.
        var (cellP, cellQ) = Cells(pair, 2 * (first + shift / interval), interval / 2, 2 * points);
        var p = new double[points];
        var next = 0;
        for (var i = 0; i < points; i++)
        {
            var loss = shift + (first + i) * interval;
            if (loss < -LargestPlainLoss)
                continue;
            if (loss > LargestPlainLoss)
            {
                // Q is too small to be written down: the loss is rounded down, which lowers every divergence.
                for (; next <= 2 * (i + 1); next++)
                    p[i] += next > 2 * i ? cellP[next] : 0;
                continue;
            }

            // Under e^loss Q - P, what lies below the point counts positive and what lies above negative: take from
            // above until they cancel.
            var ratio = Math.Exp(loss);
            var (excess, below, fromBelow) = (0.0, 0.0, 0.0);
            for (; next < cellP.Length; next++)
            {
                var balance = ratio * cellQ[next] - cellP[next];
                if (balance < 0 && excess + balance < 0)
                {
                    var share = excess / -balance;
                    p[i] += share * cellP[next];
                    cellP[next] *= 1 - share;
                    cellQ[next] *= 1 - share;
                    excess = 0;
                    break;
                }

                excess += balance;
                p[i] += cellP[next];
                below += balance > 0 ? cellP[next] : 0;
                fromBelow += Math.Max(0, balance);
            }

            // Too little above the point: no more of what is below can be merged than that makes up for.
            if (excess > 0)
                p[i] = Math.Max(0, p[i] - below * Math.Min(1, excess / fromBelow * (1 + 1e-9)));
        }

        return new GridLoss(first, shift, interval, p, pair.InfiniteMass, pair.InfiniteMassOfQ);
    }

    /// <summary>
    /// The loss of all outputs with a loss around zero, if they were one; or, where there is a largest loss, one that is lower
    /// by a hair.
    /// </summary>
    private static double ShiftOf(DominatingPair pair, double interval)
    {
        const double Hair = 1e-10;
        if (double.IsFinite(pair.LargestLoss))
            return pair.LargestLoss - Hair * Math.Max(1, pair.LargestLoss);
        Span<double> p = stackalloc double[3], q = stackalloc double[3];
        pair.AddCells(-0.5, interval, 1, p, q);
        return p[1] > 0 && q[1] > 0 ? Math.Log(p[1]) - Math.Log(q[1]) : 0;
    }

    private static (long First, int Points) Points(DominatingPair pair, double shift, double interval, double logNeglected)
    {
        // One point more on each side, so that a mass at the very end is never left outside by the last rounding.
        var (smallest, largest) = pair.LossRange(logNeglected);
        var first = (long)Math.Floor((smallest - shift) / interval) - 1;
        return (first, checked((int)((long)Math.Ceiling((largest - shift) / interval) + 2 - first)));
    }

    private static (double[] P, double[] Q) Cells(DominatingPair pair, double first, double interval, int points)
    {
        var (p, q) = (new double[points + 1], new double[points + 1]);
        pair.AddCells(first, interval, 1, p, q);
        return (p, q);
    }
}
