using DpSgd.Clipping;
using static TorchSharp.torch;

namespace DpSgd.Tests.Clipping;

public class HeldScalarsTests
{
    [Fact]
    public void They_are_right_while_the_garbage_collector_runs()
    {
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        try
        {
            for (var i = 0; i < 20_000; i++)
            {
                using var scope = NewDisposeScope();
                var a = ones(3, dtype: ScalarType.Float64).Multiply(3).Increase(1).Divide(2);           // 2
                a.Increase(a.Plus(a), 0.25).Increase(zeros_like(a)).Square();                           // 9
                a.Equals(tensor(new double[] { 9, 9, 9 })).Should().BeTrue();
                FlatClipping.Factors(a, 4.5).Equals(tensor(new double[] { 0.5, 0.5, 0.5 })).Should().BeTrue();
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
    }

    [Fact]
    public void They_do_what_they_say()
    {
        using var scope = NewDisposeScope();
        tensor(new double[] { -1, 0.5, 2 }).NotNegative().AtMostOne().data<double>().ToArray().Should().Equal(0, 0.5, 1);
        tensor(new double[] { -1, double.NaN }).ZeroWhere(tensor(new[] { false, true })).data<double>().ToArray().Should().Equal(-1, 0);
        zeros(2, dtype: ScalarType.Float64).IncreaseRows(tensor(new long[] { 1, 1 }), tensor(new double[] { 3, 4 })).data<double>().ToArray().Should().Equal(0, 7);
    }
}
