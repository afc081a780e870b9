namespace DpSgd.Accounting.Tests.Numerics;

/// <summary>Expected values are 50 digits of the exact value at the double that is given, from mpmath.</summary>
public class LogSpaceTests
{
    [Theory]
    [InlineData(1e-20, "-46.051701859880913735211557639477714004100104348204")]
    [InlineData(1e-09, "-20.723265837446411093838664998853552446044638105294")]
    [InlineData(3e-05, "-10.414328176264618703361182533716063223822445174703")]
    [InlineData(0.05, "-3.0206281090573770489364468700170941589282605214501")]
    [InlineData(0.3, "-1.3502256128148467112677319574995612985073527001432")]
    [InlineData(0.6931, "-0.69319436334600083574184702703884248295976497401534")]
    [InlineData(0.6932, "-0.69309436390963647599272181789366000488792040559644")]
    [InlineData(1.0, "-0.45867514538708189102164364506732970187697790669219")]
    [InlineData(5.0, "-0.0067607494494885578259211340925209839430806329345117")]
    [InlineData(40.0, "-4.2483542552915890043534917220857339049990342533232e-18")]
    [InlineData(300.0, "-5.1482002224120137811548619210671309981349982244444e-131")]
    public void Log1mExp_agrees_with_fifty_digits(double x, string expected) =>
        LogSpace.Log1mExp(x).Should().BeRelativelyClose(expected, 1e-15);

    [Theory]
    [InlineData(1e-20, "-46.051701859880913735201557639477714004648571633662")]
    [InlineData(1e-09, "-20.723265836446411093838664936571960988264781686397")]
    [InlineData(3e-05, "-10.414298176264618703360422507993150885214205950289")]
    [InlineData(0.05, "-2.970628109057377046160889308454202807869181351223")]
    [InlineData(0.3, "-1.0502256128148467223699622037511267027436693810514")]
    [InlineData(0.9999, "0.54116665233853114856394097059884614257013818764351")]
    [InlineData(1.0, "0.54132485461291810897835635493267029812302209330781")]
    [InlineData(1.5, "1.2475175410745460039617934504206496443415705726635")]
    [InlineData(5.0, "4.9932392505505114421740788659074790160569193670655")]
    [InlineData(40.0, "39.999999999999999995751645744708410995646508277914")]
    [InlineData(300.0, "300.0")]
    public void LogExpm1_agrees_with_fifty_digits(double x, string expected) =>
        LogSpace.LogExpm1(x).Should().BeRelativelyClose(expected, 1e-15);

    [Theory]
    [InlineData(-300.0, "5.1482002224120137811548619210671309981349982244444e-131")]
    [InlineData(-40.0, "4.248354255291588986304977843631582181877750679823e-18")]
    [InlineData(-5.0, "0.0067153484891180686164166877326420751148921729643203")]
    [InlineData(-1.0, "0.31326168751822283404899549496785564191528008567035")]
    [InlineData(-1e-09, "0.69314718005994530954223209031738085475076145602335")]
    [InlineData(1e-09, "0.69314718105994530954223215259897231253061787492042")]
    [InlineData(0.5, "0.97407698418010668087299735508117074975559619466786")]
    [InlineData(1.0, "1.3132616875182228340489954949678556419152800856703")]
    [InlineData(5.0, "5.0067153484891180686164166877326420751148921729643")]
    [InlineData(40.0, "40.000000000000000004248354255291588986304977843632")]
    [InlineData(300.0, "300.0")]
    public void Log1pExp_agrees_with_fifty_digits(double x, string expected) =>
        LogSpace.Log1pExp(x).Should().BeRelativelyClose(expected, 1e-15);

    [Theory]
    [InlineData(-300.0, "5.7004435733906864268602402733755147232476482596006")]
    [InlineData(-40.0, "3.6635616461296464275576648388799363349680878251288")]
    [InlineData(-1.0, "-1.0")]
    [InlineData(-1e-09, "-42.139678854786100830483450966534343952021221734062")]
    [InlineData(1e-09, "-42.139678854119434163816784258344147177698848318534")]
    [InlineData(1e-20, "-92.796550900321772779827014067080271243673670766934")]
    [InlineData(0.5, "-1.9056813913603713433927408915725081547740155604485")]
    [InlineData(1.0, "-0.33089326820405453356614600473093053980143280279596")]
    [InlineData(1.001, "-0.32850202547192745255567227300509313592694712486686")]
    [InlineData(5.0, "4.9587324041365936912254232677869146259988769985708")]
    [InlineData(44.9, "44.899999999999998577462448799757089008174764516227")]
    [InlineData(45.1, "45.100000000000001419891429002386903404244097119267")]
    [InlineData(300.0, "300.0")]
    public void LogExpResidual_agrees_with_fifty_digits(double x, string expected) =>
        LogSpace.LogExpResidual(x).Should().BeRelativelyClose(expected, 1e-15);

    [Fact]
    public void Zero_is_negative_infinity()
    {
        LogSpace.Log1mExp(0).Should().Be(double.NegativeInfinity);
        LogSpace.LogExpm1(0).Should().Be(double.NegativeInfinity);
        LogSpace.LogExpResidual(0).Should().Be(double.NegativeInfinity);
        LogSpace.Log1mExp(double.PositiveInfinity).Should().Be(0);
    }

    [Theory]
    [InlineData(0, 0, 0.69314718055994531)]
    [InlineData(1000, 1000, 1000.69314718055994531)]
    [InlineData(-1000, 2, 2)]
    [InlineData(2, -1000, 2)]
    [InlineData(1, 3, 3.1269280110429726)]
    public void LogAdd_adds(double a, double b, double expected) =>
        LogSpace.LogAdd(a, b).Should().BeRelativelyClose(expected, 2e-16);

    [Theory]
    [InlineData(double.NegativeInfinity, 3, 3)]
    [InlineData(double.NegativeInfinity, double.NegativeInfinity, double.NegativeInfinity)]
    [InlineData(double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity)]
    [InlineData(double.PositiveInfinity, double.NegativeInfinity, double.PositiveInfinity)]
    public void LogAdd_knows_zero_and_infinity(double a, double b, double expected) =>
        LogSpace.LogAdd(a, b).Should().Be(expected);
}
