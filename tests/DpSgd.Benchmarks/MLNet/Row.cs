namespace DpSgd.Benchmarks.MLNet;

/// <summary>A made-up row.</summary>
internal sealed class Row
{
    public float[] Features { get; set; } = [];

    /// <summary>The class, counted from 0.</summary>
    public uint Label { get; set; }

    public static IReadOnlyList<Row> MakeUp(int count, int features, int classes)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(i => new Row
        {
            Features = [.. Enumerable.Range(0, features).Select(_ => 2 * random.NextSingle() - 1)],
            Label = (uint)(i % classes),
        })];
    }

    /// <summary>Rows that are never in memory together: each is in the same object.</summary>
    public static IEnumerable<Row> Stream(int count, int features, int classes)
    {
        var row = new Row { Features = new float[features] };
        for (var i = 0; i < count; i++)
        {
            row.Features[i % features] = i % 7 / 3f - 1;
            row.Label = (uint)(i % classes);
            yield return row;
        }
    }
}
