using System.Diagnostics;
using DpSgd.Tests.Documentation;

namespace DpSgd.ML.Tests.Training;

/// <summary>A program that has the managed packages only, as they are before somebody adds a backend.</summary>
public sealed class BackendTests : IDisposable
{
    private const string Program = """
        using DpSgd.ML;
        using Microsoft.ML;
        using Microsoft.ML.Data;

        var mlContext = new MLContext();
        var data = mlContext.Data.LoadFromEnumerable(Enumerable.Range(0, 100).Select(i => new Row { Features = [i % 2], Label = i % 2 == 0 }));
        try
        {
            mlContext.DpSgd().BinaryClassification(targetEpsilon: 1, delta: 1e-5).Fit(data);
        }
        catch (InvalidOperationException exception)
        {
            Console.WriteLine(exception.Message);
        }

        class Row
        {
            [VectorType(1)]
            public float[] Features { get; set; } = [];

            public bool Label { get; set; }
        }
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Without_one_training_says_which_package_to_add()
    {
        foreach (var path in ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator))
        {
            if (path.StartsWith(AppContext.BaseDirectory, StringComparison.Ordinal))
                File.Copy(path, Path.Combine(_folder.FullName, Path.GetFileName(path)));
        }
        File.Copy(Path.Combine(AppContext.BaseDirectory, "MLNetTabular.runtimeconfig.json"), Path.Combine(_folder.FullName, "bare.runtimeconfig.json"));
        var program = Path.Combine(_folder.FullName, "bare.dll");
        File.WriteAllBytes(program, CodeBlocks.Compile(Program, "bare"));

        using var process = Process.Start(new ProcessStartInfo("dotnet", [program]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        (await process.StandardOutput.ReadToEndAsync()).Trim().Should().EndWith(
            "Training needs the native libraries of TorchSharp, which cannot be loaded here: add a TorchSharp backend, such as TorchSharp-cpu, to the program's packages.",
            "it wrote:\n{0}", await errors);
        await process.WaitForExitAsync();
        process.ExitCode.Should().Be(0);
    }
}
