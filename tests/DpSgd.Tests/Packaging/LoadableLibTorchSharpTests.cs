using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using DpSgd.Tests.TestKit;

namespace DpSgd.Tests.Packaging;

/// <summary>
/// The targets that make TorchSharp's native library loadable, in a small program that imports them as a package's would be.
/// The program references TorchSharp alone, so that no build copies libtorch.
/// </summary>
public sealed class LoadableLibTorchSharpTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _original = Path.Combine(
        PackagesFolder(), "torchsharp", TorchSharpVersion(), "runtimes", "linux-x64", "native", "libLibTorchSharp.so");

    public LoadableLibTorchSharpTests()
    {
        var targets = Path.Combine(Repository.Root, "src", "DpSgd", "buildTransitive", "DpSgd.targets");
        _folder.Write("Directory.Build.props", "<Project />");
        _folder.Write("Program.cs", "System.Console.WriteLine(42);");
        _folder.Write("app.csproj", $"""
            <Project Sdk="Microsoft.NET.Sdk">
              <PropertyGroup>
                <OutputType>Exe</OutputType>
                <TargetFramework>net10.0</TargetFramework>
                <CreateHardLinksForCopyFilesToOutputDirectoryIfPossible>true</CreateHardLinksForCopyFilesToOutputDirectoryIfPossible>
              </PropertyGroup>
              <ItemGroup>
                <PackageReference Include="TorchSharp" Version="{TorchSharpVersion()}" />
              </ItemGroup>
              <Import Project="{targets}" />
            </Project>
            """);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Output_differs_from_the_package_in_one_bit_and_the_package_is_untouched()
    {
        var before = Hash(_original);

        Dotnet("build", "-p:LoadableLibTorchSharp=true");
        var built = Single("bin");
        DifferingBits(_original, built).Should().Be(1);

        // Publish takes the same copy, and a second build makes none.
        var copied = File.GetLastWriteTimeUtc(Single("obj"));
        Dotnet("publish", "--no-restore", "-c", "Debug", "-p:LoadableLibTorchSharp=true", "-o", "published");
        DifferingBits(_original, Single("published")).Should().Be(1);
        File.GetLastWriteTimeUtc(Single("obj")).Should().Be(copied);

        // Turned off, the output is the package's file, linked or copied over the other.
        Dotnet("build", "--no-restore", "-p:LoadableLibTorchSharp=false");
        Hash(built).Should().Be(before);

        // And back: the link into the package cache is broken first, not written through.
        Dotnet("build", "--no-restore", "-p:LoadableLibTorchSharp=true", "-p:CreateHardLinksForCopyFilesToOutputDirectoryIfPossible=false");
        DifferingBits(_original, built).Should().Be(1);
        Hash(_original).Should().Be(before);
    }

    [Fact]
    public void By_default_it_is_done_only_where_libstdcxx_is_too_old()
    {
        Dotnet("build");

        var bits = DifferingBits(_original, Single("bin"));

        bits.Should().Be(SystemLibstdcxxIsTooOld() ? 1 : 0);
    }

    [Fact]
    public void This_test_program_has_the_natives_of_one_platform_only()
    {
        Directory.EnumerateDirectories(AppContext.BaseDirectory, "runtimes").Should().BeEmpty();
        var libraries = Directory.EnumerateFiles(AppContext.BaseDirectory, "*LibTorchSharp*").Select(Path.GetExtension);
        libraries.Should().Equal(OperatingSystem.IsWindows() ? ".dll" : OperatingSystem.IsMacOS() ? ".dylib" : ".so");
    }

    private void Dotnet(params string[] arguments) => Repository.Run(_folder.Path, "dotnet", arguments);

    private string Single(string below) => Directory
        .EnumerateFiles(Path.Combine(_folder.Path, below), "libLibTorchSharp.so", SearchOption.AllDirectories)
        .Should().ContainSingle().Subject;

    private static string Hash(string file) => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file)));

    private static int DifferingBits(string a, string b)
    {
        var (first, second) = (File.ReadAllBytes(a), File.ReadAllBytes(b));
        first.Length.Should().Be(second.Length);
        return first.Zip(second, (x, y) => System.Numerics.BitOperations.PopCount((uint)(x ^ y))).Sum();
    }

    /// <summary>What the loader of this process has found, asked in another way than the targets do.</summary>
    private static bool SystemLibstdcxxIsTooOld()
    {
        if (!OperatingSystem.IsLinux())
            return false;
        NativeLibrary.Load("libstdc++.so.6");
        var path = File.ReadLines("/proc/self/maps").Select(line => line.Split(' ')[^1]).First(name => name.Contains("libstdc++.so.6"));
        return File.ReadAllBytes(path).AsSpan().IndexOf(Encoding.ASCII.GetBytes("GLIBCXX_3.4.32\0")) < 0;
    }

    private static string PackagesFolder() =>
        Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private static string TorchSharpVersion() => Regex.Match(
        File.ReadAllText(Path.Combine(Repository.Root, "Directory.Packages.props")), "Include=\"TorchSharp\" Version=\"([^\"]+)\"").Groups[1].Value;
}
