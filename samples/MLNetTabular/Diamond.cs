using System.Globalization;
using System.IO.Compression;

namespace MLNetTabular;

/// <summary>One row of the data: a diamond, and what it costs.</summary>
public sealed class Diamond
{
    /// <summary>The row as it is in the file.</summary>
    public string Line { get; set; } = "";

    public float Carat { get; set; }

    /// <summary>Quality of the cut, one of <see cref="Cuts"/>.</summary>
    public string Cut { get; set; } = "";

    /// <summary>From D, the best, to J.</summary>
    public string Color { get; set; } = "";

    /// <summary>From IF, the best, to I1.</summary>
    public string Clarity { get; set; } = "";

    /// <summary>Height in percent of the mean of length and width.</summary>
    public float Depth { get; set; }

    /// <summary>Width of the top in percent of the greatest width.</summary>
    public float Table { get; set; }

    /// <summary>In US dollars.</summary>
    public float Price { get; set; }

    /// <summary>In millimetres, as the two below.</summary>
    public float Length { get; set; }

    public float Width { get; set; }

    public float Height { get; set; }

    /// <summary>Whether it costs more than 2500 dollars, as about half of them do.</summary>
    public bool IsExpensive => Price > 2500;

    /// <summary>The data set that lies beside the program.</summary>
    public static string BundledFile { get; } = Path.Combine(AppContext.BaseDirectory, "data", "diamonds.csv.gz");

    public static IReadOnlyList<string> Cuts { get; } = ["Fair", "Good", "Very Good", "Premium", "Ideal"];

    public static IReadOnlyList<string> Colors { get; } = ["D", "E", "F", "G", "H", "I", "J"];

    public static IReadOnlyList<string> Clarities { get; } = ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"];

    /// <summary>Reads the data set, row by row.</summary>
    /// <param name="path">The file, gzipped.</param>
    public static IEnumerable<Diamond> Read(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        reader.ReadLine();   // the header: carat,cut,color,clarity,depth,table,price,x,y,z
        while (reader.ReadLine() is { } line)
            yield return Parse(line);
    }

    private static Diamond Parse(string line)
    {
        var fields = line.Split(',');
        float Number(int field) => float.Parse(fields[field], CultureInfo.InvariantCulture);
        return new()
        {
            Line = line,
            Carat = Number(0),
            Cut = fields[1],
            Color = fields[2],
            Clarity = fields[3],
            Depth = Number(4),
            Table = Number(5),
            Price = Number(6),
            Length = Number(7),
            Width = Number(8),
            Height = Number(9),
        };
    }
}
